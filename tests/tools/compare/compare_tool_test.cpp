#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>

#include "io/notes.h"
#include "tests/tools/runs.h"
#include "tools/compare/results.h"

// The program polonaise-compare, run as a user runs it.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

ProgramResult compare(const std::vector<std::string>& arguments, const ProgramOptions& options = {}) {
  return run_program("polonaise-compare", arguments, options);
}

// Two networks at two lengths, half a second each.
std::vector<std::string> tiny(const fs::path& data, const fs::path& report) {
  return {data,   "--models",       "rnn,bilstm", "--seq",   "4,8", "--budget", "0.05", "--parameters",
          "4000", "--step-targets", "64",         "--steps", "20",  "-q",       "-o",   report};
}

nlohmann::json results_of(const fs::path& report) {
  return nlohmann::json::parse(read_text(report / "results.json"));
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

// No number that is none. "nan" and "inf" stand in words too, so only where a number would.
void expect_numbers(const std::string& text) {
  for (const char* word : {">nan", ">inf", ">-nan", ">-inf", "NaN", "Infinity", "\"nan", " nan", ":null"}) {
    EXPECT_THAT(text, Not(HasSubstr(word)));
  }
}

const std::set<std::string> kRuns = {"rnn-4-cpu", "bilstm-4-cpu", "rnn-8-cpu", "bilstm-8-cpu"};

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
      EXPECT_TRUE(fs::exists(report / sample["file"].get<std::string>()));
      EXPECT_GT(sample["metrics"].size(), 3u);
      EXPECT_EQ(sample["novelty"]["transposed"]["share"].size(), 4u);
    }
  }
  EXPECT_EQ(json["human"].size(), 2u);
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

TEST(Compare, InterruptedGoesOnToTheSameSetOfRuns) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "perf"), report = folder / "report";
  // Once while the second combination trains, by Ctrl-C; once more at once, by force.
  const auto when = [&](const char* run, int signal) {
    return [&report, run, signal](pid_t program) {
      const fs::path file = report / "runs" / run / "metrics.jsonl";
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
      while (!fs::exists(file) && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
      kill(program, signal);
    };
  };
  const ProgramResult stopped = compare(tiny(data, report), {.started = when("bilstm-4-cpu", SIGINT)});
  ASSERT_EQ(stopped.status, 0) << stopped.err;
  EXPECT_THAT(stopped.out, HasSubstr("interrupted; the same command goes on from here"));
  EXPECT_FALSE(results_of(report)["complete"]);
  EXPECT_FALSE(fs::exists(report / "runs/rnn-8-cpu"));
  const auto first = results_of(report)["combinations"][0];
  EXPECT_EQ(first["stage"], "sampled");

  const ProgramResult killed = compare(tiny(data, report), {.started = when("rnn-8-cpu", SIGKILL)});
  EXPECT_EQ(killed.status, 128 + SIGKILL);

  const ProgramResult result = compare(tiny(data, report));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(names_in(report / "runs"), kRuns);
  const nlohmann::json json = results_of(report);
  EXPECT_TRUE(json["complete"]);
  auto again = json["combinations"][0];
  for (auto& sample : again["samples"]) {
    for (const char* judged : {"notes", "metrics", "novelty"}) sample.erase(judged);
  }
  EXPECT_EQ(again, first) << "what was measured stays";
  for (const auto& c : json["combinations"]) EXPECT_EQ(c["stage"], "sampled");
}

TEST(Compare, OfTwoSeedsAndSizesGoesOnWhereItWasInterrupted) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88"), report = folder / "report";
  const std::vector<std::string> arguments = {
      data,        "--models",      "rnn", "--seq",          "8",  "--budget", "0.05", "--seeds", "3,1", "--parameters",
      "3000,6000", "--target-loss", "60",  "--step-targets", "64", "--steps",  "20",   "-q",      "-o",  report};
  const auto interrupt = [&](pid_t program) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!fs::exists(report / "runs/rnn-8-cpu-3000-seed1/metrics.jsonl") && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    kill(program, SIGINT);
  };
  const ProgramResult stopped = compare(arguments, {.started = interrupt});
  ASSERT_EQ(stopped.status, 0) << stopped.err;
  EXPECT_THAT(stopped.out, HasSubstr("interrupted; the same command goes on from here"));
  const auto first = results_of(report)["combinations"][0];
  ASSERT_EQ(compare(arguments).status, 0);

  EXPECT_EQ(names_in(report / "runs"), (std::set<std::string>{"rnn-8-cpu-3000-seed3", "rnn-8-cpu-6000-seed3",
                                                              "rnn-8-cpu-3000-seed1", "rnn-8-cpu-6000-seed1"}));
  const nlohmann::json json = results_of(report);
  EXPECT_TRUE(json["complete"]);
  EXPECT_EQ(json["settings"]["seeds"], (std::vector<int>{3, 1}));
  EXPECT_EQ(json["settings"]["parameters"], (std::vector<int>{3000, 6000}));
  EXPECT_EQ(json["combinations"][0]["curve"], first["curve"]) << "what was measured stays";
  ASSERT_EQ(json["networks"].size(), 2u);
  for (const auto& network : json["networks"]) {
    EXPECT_EQ(network["seeds"], 2);
    EXPECT_LE(network["end_loss"]["least"], network["end_loss"]["mean"]);
    EXPECT_LT(network["test_loss"]["least"], network["test_loss"]["greatest"]) << "seeds are others";
  }
  for (const auto& c : json["combinations"]) {
    EXPECT_EQ(c["stage"], "sampled");
    EXPECT_EQ(c["samples"].size(), c["seed"] == 3 ? 2u : 0u) << "of the first seed alone";
    EXPECT_NE(
        read_text(report / "runs" / c["name"].get<std::string>() / "config.toml").find("seed = " + c["seed"].dump()),
        std::string::npos);
  }
  const std::string html = read_text(report / "report.html");
  EXPECT_THAT(html, HasSubstr("One network, two sizes, two seeds, the same music"));
  EXPECT_THAT(html, HasSubstr("Quality against size"));
  EXPECT_THAT(html, HasSubstr("Targets and seconds until a loss of 60 nats per frame"));
  EXPECT_THAT(html, HasSubstr("it is the first sample of the model from seed 3"));
  expect_numbers(html);
  expect_numbers(read_text(report / "results.json"));
}

TEST(Compare, GoesOnWithOneBegunBeforeThereWereSeeds) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88"), report = folder / "report";
  const std::vector<std::string> arguments = {data,    "--models",     "rnn",  "--seq", "8",  "--budget",
                                              "0.011", "--parameters", "3000", "-q",    "-o", report};
  ASSERT_EQ(compare(arguments).status, 0);
  // As f571fef would have left it, when it had trained nothing.
  nlohmann::ordered_json before = nlohmann::ordered_json::parse(read_text(report / "results.json"));
  before["format"] = 1;
  before["complete"] = false;
  before.erase("networks");
  auto& settings = before["settings"];
  for (const char* key : {"seeds", "precision"}) settings.erase(key);
  settings["seed"] = 1;
  settings["parameters"] = 3000;
  auto& combination = before["combinations"][0];
  for (const char* key : {"seed", "parameters_wanted"}) combination.erase(key);
  combination["stage"] = "planned";
  before["human"] = before["overlaps"] = nlohmann::ordered_json::array();
  write_text(report / "results.json", before.dump());
  write_text(report / "comparison.toml",
             "dataset = \"" + data.string() +
                 "\"\nmodels = [\"rnn\"]\nseq = [8]\ndevices = [\"cpu\"]\nbudget = 0.011\nparameters = 3000\nlayers = "
                 "2\nstep-targets = 512\nlr = 0.003\nseed = 1\nsteps = 200\ntemperature = 1\nthreads = 0\n");
  expect_failure(compare(joined(arguments, {"--seeds", "2"})), 1, "seeds is [1] there, and [2] now");
  const ProgramResult result = compare(joined(arguments, {"--seeds", "1"}));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(results_of(report)["complete"]);
  EXPECT_EQ(names_in(report / "runs"), std::set<std::string>{"rnn-8-cpu"});
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
