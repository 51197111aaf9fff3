#include <nlohmann/json.hpp>

#include "io/data/op53_prime.h"
#include "io/midi/notes.h"
#include "tests/tools/compare/comparisons.h"
#include "tools/compare/results/results.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

nlohmann::json results_of(const fs::path& report) {
  return nlohmann::json::parse(read_text(report / "results.json"));
}

TEST(Compare, TrainsEveryCombinationAndReports) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "chordvec"), report = folder / "report";
  const ProgramResult result = compare(tiny(data, report));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr((report / "report.html").string()));
  EXPECT_EQ(names_in(report / "runs"), kRuns);

  const nlohmann::json json = results_of(report);
  EXPECT_TRUE(json["complete"]);
  EXPECT_THAT(result.out, HasSubstr(json["conclusion"].get<std::string>()));
  EXPECT_EQ(json["dataset"]["unit"], "nats per frame");
  EXPECT_GT(json["environment"]["devices"][0]["ceiling_flops_per_second"], 0);
  EXPECT_GT(json["environment"]["peak_resident_bytes"], 1 << 20);
  ASSERT_EQ(json["combinations"].size(), 4u);
  for (const auto& c : json["combinations"]) {
    EXPECT_EQ(c["stage"], "sampled") << c;
    for (const char* key : {"steps", "targets", "seconds", "targets_per_second", "ms_per_step", "flops_per_target",
                            "flops_per_second", "share_of_ceiling", "arena_bytes", "test_loss", "sampled_per_second"}) {
      EXPECT_GT(c[key], 0) << key;
    }
    // Parameters, their gradients and two moments, and what the steps need.
    EXPECT_GT(c["device_bytes"], 16 * c["parameters"].get<std::int64_t>() + c["arena_bytes"].get<std::int64_t>());
    EXPECT_GE(c["curve"].size(), 1u);
    EXPECT_EQ(c["curve"].back()["targets"], c["targets"]);
    EXPECT_EQ(c["parameter_bytes"], 4 * c["parameters"].get<int>());
    EXPECT_EQ(c["too_little_to_judge"], c["targets"] < 20'000);
    ASSERT_EQ(c["samples"].size(), 2u) << "from the Polonaise and from a held-out piece";
    for (const auto& sample : c["samples"]) {
      io::Warnings warnings;
      const io::Score score = io::read_score(report / sample["file"].get<std::string>(), warnings, true);
      ASSERT_TRUE(score.continuation);
      EXPECT_LT(sample["notes"], std::ssize(score.notes)) << "the opening is not measured";
      EXPECT_GT(sample["metrics"].size(), 3u);
      EXPECT_EQ(sample["novelty"]["transposed"]["share"].size(), 4u);
    }
  }
  EXPECT_EQ(json["human"].size(), 2u);
  EXPECT_TRUE(json["figures_without_opening"]);
  EXPECT_EQ(json["openings"][1]["real"]["file"], "samples/real-held-out.mid");
  expect_numbers(read_text(report / "results.json"));

  const std::string html = read_text(report / "report.html");
  for (const char* outside : {"http:", "https:", "//cdn", "src=", "@import", "url("}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
  EXPECT_THAT(html, Not(HasSubstr("{{")));
  EXPECT_THAT(html, HasSubstr("How it really goes on is not shown, as its score was not given"));
  EXPECT_THAT(html, HasSubstr("<code>--reference FILE.mid</code>"));
  EXPECT_THAT(html, HasSubstr("(peak resident set)"));
  EXPECT_THAT(html, HasSubstr("Metrics of what follows the opening, means over pieces"));
  EXPECT_THAT(html, HasSubstr("Runs of notes after the opening found in training pieces"));
  for (const auto& c : json["combinations"])
    EXPECT_THAT(html, HasSubstr("\"" + c["name"].get<std::string>() + "-polonaise\""));
  expect_numbers(html);

  // Complete, it is not trained again, with or without the data.
  const std::string measured = read_text(report / "results.json");
  fs::remove(report / "report.html");
  ASSERT_EQ(compare(tiny(data, report)).status, 0);
  EXPECT_EQ(read_text(report / "report.html"), html);
  fs::remove(report / "report.html");
  fs::remove(data);
  ASSERT_EQ(compare({"--render", "-o", report}).status, 0);
  EXPECT_EQ(read_text(report / "report.html"), html);
  EXPECT_EQ(read_text(report / "results.json"), measured);
  EXPECT_EQ(to_json(from_json(measured, "results.json"), json["conclusion"].get<std::string>()), measured);

  // A run is an ordinary one.
  EXPECT_EQ(
      run_program("polonaise-sample", {report / "runs/rnn-4-cpu", "--steps", "5", "-q", "-o", folder / "x.mid"}).status,
      0);
}

TEST(Compare, ShowsTheScoreThatItWasGiven) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88"), report = folder / "report";
  io::write_file(folder / "score.mid", io::write_score(io::synthetic_corpus(1, 5).front().score));
  io::write_file(folder / "short.mid", io::write_score(io::op53_prime()));
  const auto with = [&](const char* score) {
    return std::vector<std::string>{data,           "--models", "rnn",          "--seq", "8",
                                    "--budget",     "0.011",    "--parameters", "3000",  "--reference",
                                    folder / score, "-q",       "-o",           report};
  };
  expect_failure(compare(with("short.mid")), 1, "does not go on after the opening's");
  expect_failure(compare(with("none.mid")), 1, "none.mid");
  EXPECT_FALSE(fs::exists(report));
  ASSERT_EQ(compare(with("score.mid")).status, 0);
  EXPECT_EQ(results_of(report)["openings"][0]["real"]["file"], "samples/real-polonaise.mid");
  EXPECT_THAT(read_text(report / "report.html"), HasSubstr("real-polonaise"));
  EXPECT_THAT(read_text(report / "report.html"), Not(HasSubstr("its score was not given")));
}

TEST(Compare, RefusesOtherDataOfTheSameNameByItsChecksum) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88"), report = folder / "report";
  const std::vector<std::string> arguments = {data,    "--models",     "rnn",  "--seq", "8",  "--budget",
                                              "0.011", "--parameters", "3000", "-q",    "-o", report};
  ASSERT_EQ(compare(arguments).status, 0);
  const std::string measured = read_text(report / "results.json");
  small_dataset(data, "roll88", 91);  // an event more of each piece
  expect_failure(compare(arguments), 1, "is not the dataset that " + report.string() + " was begun with");
  EXPECT_EQ(read_text(report / "results.json"), measured);
  small_dataset(data, "roll88");
  EXPECT_EQ(compare(arguments).status, 0);
}

TEST(Compare, RefusesWhatCannotBe) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88"), report = folder / "report";
  const auto with = [&](const std::vector<std::string>& more) {
    return joined({data, "--models", "rnn", "--seq", "8", "--budget", "0.03", "-q", "-o", report}, more);
  };
  expect_failure(compare({folder / "none", "-o", report}), 1, "none");
  expect_failure(compare({"-o", report}), 2, "DATASET is missing");
  expect_failure(compare(with({"--seq", "1000"})), 2, "--seq 1000 is longer than every training piece");
  expect_failure(compare(with({"--budget", "0.001"})), 2, "the least is 0.02 minutes");
  expect_failure(compare(with({"--models", "lsmt"})), 2, "did you mean 'lstm'?");
  expect_failure(compare({data, "--models", "rnn", "--seq", "8", "--budget", "0.03", "-o", folder / "none/report"}), 1,
                 "none does not exist; create it first");
  expect_failure(compare(with({"--seed", "1", "--seeds", "1"})), 2, "--seed and --seeds are two ways to say one thing");
  expect_failure(compare(with({"--seeds", "1,2,1"})), 2, "--seeds names 1 twice; once is enough");
  expect_failure(compare(with({"--seeds", "one"})), 2, "--seeds: 'one' is not a whole number");
  expect_failure(compare(with({"--seeds", "1,2,3"})), 2, "the least is 0.04 minutes");
  expect_failure(compare(with({"--parameters", "3000,3000"})), 2, "--parameters names 3000 twice; once is enough");
  expect_failure(compare(with({"--parameters", "3000,9"})), 2, "--parameters: 9 is not from 100");
  expect_failure(compare(with({"--target-loss", "-1"})), 2, "--target-loss: -1 is not from 0");
  expect_failure(compare(with({"--target-loss", "nan"})), 2, "--target-loss");
  expect_failure(compare(with({"--precision", "fp16"})), 2, "--precision: 'fp16' is none of float, tf32, bf16");
  expect_failure(compare(with({"--precision", "bf16"})), 2, "--precision bf16 needs cards, and --devices names cpu");
  expect_failure(compare(with({"--devices", "gpu"})), 2, "there is no device 'gpu'");
  expect_failure(compare(with({"--devices", "cuda:99"})), 1, "--devices: cuda:99 is not to be had here");
  expect_failure(compare({"--render", "-o", report}), 1, "has no results.json to render");
  expect_failure(compare({data, "--render", "-o", report}), 2, "DATASET does not go with --render");
  expect_failure(compare({"--render", "--models", "rnn", "-o", report}), 2, "--models does not go with --render");
  expect_failure(compare({"--render", "--seeds", "1", "-o", report}), 2, "--seeds does not go with --render");
  expect_failure(compare({"--render", "--lr", "0.1", "-o", report}), 2, "--lr does not go with --render");
  EXPECT_FALSE(fs::exists(report));

  io::Corpus one;
  const auto encoder = io::make_encoding("roll88");
  io::LossReport loss;
  one[io::Split::train].push_back({"alone", encoder->encode(io::synthetic_corpus(1, 3).front().score, loss)});
  io::write_dataset(folder / "one", one, *encoder, "{}");
  expect_failure(compare({folder / "one", "--models", "rnn", "--seq", "8", "--budget", "1", "-o", report}), 1,
                 "holds no piece back from training");
  EXPECT_FALSE(fs::exists(report));

  fs::create_directories(folder / "other");
  write_text(folder / "other/thesis.txt", "the only copy");
  expect_failure(compare({data, "--models", "rnn", "--seq", "8", "--budget", "1", "-o", folder / "other"}), 1,
                 "exists and holds no comparison");
  EXPECT_EQ(names_in(folder / "other"), std::set<std::string>{"thesis.txt"});

  ASSERT_EQ(compare(with({})).status, 0);
  expect_failure(compare(with({"--budget", "0.04"})), 1, "budget is 0.03 there, and 0.04 now");
  write_text(report / "results.json", "{}");
  expect_failure(compare({"--render", "-o", report}), 1, "is not what this version of polonaise-compare writes");
}

}  // namespace
}  // namespace polonaise::tools
