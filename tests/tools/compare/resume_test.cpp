#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "tests/tools/compare/comparisons.h"

// Comparisons that are interrupted, or that an older version began, and go on.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

nlohmann::json results_of(const fs::path& report) {
  return nlohmann::json::parse(read_text(report / "results.json"));
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
  fs::remove_all(report / "runs/rnn-8-cpu");
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
  const std::string run = read_text(report / "runs/rnn-8-cpu/config.toml");
  EXPECT_THAT(run, HasSubstr("lr = 0.003"));
  EXPECT_THAT(run, HasSubstr("start = \"torch\""));
}

}  // namespace
}  // namespace polonaise::tools
