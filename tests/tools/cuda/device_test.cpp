#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "kernels/cuda/host/context.h"
#include "tests/tools/runs.h"

// The programs on a card, beside themselves on the CPU.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

class OnACard : public ::testing::Test {
 protected:
  void SetUp() override {
    const OpenedCuda opened = open_cuda();
    if (!opened.cuda) GTEST_SKIP() << opened.reason;
  }
};

std::vector<double> losses(const fs::path& run) {
  std::vector<double> values;
  std::istringstream text(read_text(run / "metrics.jsonl"));
  for (std::string line; std::getline(text, line);) {
    const auto entry = nlohmann::json::parse(line);
    if (entry.contains("loss")) values.push_back(entry["loss"]);
  }
  return values;
}

TEST_F(OnACard, TrainingHasTheCpusLosses) {
  const fs::path folder = fresh_folder();
  constexpr std::pair<const char*, const char*> kRuns[] = {
      {"chordvec", "lstm"}, {"perf", "bilstm"}, {"perf", "transformer"}};
  for (const auto& [encoding, model] : kRuns) {
    const fs::path data = small_dataset(folder / (std::string(model) + ".data"), encoding, 30);
    std::vector<double> of_device[2];
    for (std::size_t i = 0; i < 2; ++i) {
      const std::string device = i == 0 ? "cpu" : "cuda:0";
      const fs::path run = folder / (std::string(model) + "-" + device);
      const ProgramResult result =
          train(joined(small_model(model), {data, "--steps", "4", "--log-every", "1", "--validate-every", "2",
                                            "--dropout", "0.2", "--accumulate", "2", "--device", device, "-o", run}));
      ASSERT_EQ(result.status, 0) << result.err;
      of_device[i] = losses(run);
    }
    ASSERT_EQ(of_device[0].size(), 6u);
    ASSERT_EQ(of_device[1].size(), 6u);
    for (std::size_t i = 0; i < 6; ++i)
      EXPECT_NEAR(of_device[1][i], of_device[0][i], 1e-4 * of_device[0][i]) << encoding << ", " << model;
  }
}

TEST_F(OnACard, ResumedEqualsUninterruptedAndTheCpuTakesOver) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "chordvec", 30);
  const auto options = joined(small_model("lstm"), {data, "--steps", "6", "--dropout", "0.3", "--device", "cuda"});
  ASSERT_EQ(train(joined(options, {"-o", folder / "whole"})).status, 0);
  ASSERT_EQ(train(joined(options, {"-o", folder / "parts", "--stop-at", "3"})).status, 0);
  ASSERT_EQ(train({"--resume", "-o", folder / "parts", "-q"}).status, 0);
  expect_same_checkpoint(folder / "whole/checkpoints/last", folder / "parts/checkpoints/last");
  const ProgramResult longer = train({"--resume", "-o", folder / "parts", "--steps", "8", "--device", "cpu", "-q"});
  EXPECT_EQ(longer.status, 0) << longer.err;
}

TEST_F(OnACard, AnAverageOfTheParametersIsTheCpus) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "chordvec", 30);
  const auto options = joined(small_model("gru"), {data, "--steps", "6", "--ema", "0.9", "--schedule", "wsd",
                                                   "--validate-every", "2", "--log-every", "1"});
  ASSERT_EQ(train(joined(options, {"--device", "cuda", "-o", folder / "whole"})).status, 0);
  ASSERT_EQ(train(joined(options, {"--device", "cuda", "-o", folder / "parts", "--stop-at", "3"})).status, 0);
  ASSERT_EQ(train({"--resume", "-o", folder / "parts", "-q"}).status, 0);
  expect_same_checkpoint(folder / "whole/checkpoints/last", folder / "parts/checkpoints/last");
  ASSERT_EQ(train(joined(options, {"--device", "cpu", "-o", folder / "cpu"})).status, 0);
  const std::vector<double> expected = losses(folder / "cpu"), found = losses(folder / "whole");
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-4 * expected[i]);
}

TEST_F(OnACard, BeginsWithTheParametersOfARun) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "chordvec", "lstm");
  std::vector<double> of_device[2];
  for (std::size_t i = 0; i < 2; ++i) {
    const fs::path next = folder / std::to_string(i);
    ASSERT_EQ(train(joined(small_model("lstm"), {folder / "data", "--init", run, "--steps", "2", "--log-every", "1",
                                                 "--device", i == 0 ? "cpu" : "cuda", "-o", next}))
                  .status,
              0);
    of_device[i] = losses(next);
  }
  ASSERT_EQ(of_device[1].size(), of_device[0].size());
  for (std::size_t i = 0; i < of_device[0].size(); ++i)
    EXPECT_NEAR(of_device[1][i], of_device[0][i], 1e-4 * of_device[0][i]);
}

// A run in bf16 keeps its weights and moments in float: nothing is lost where it stops, and any device goes on.
TEST_F(OnACard, InBf16ResumedEqualsUninterruptedAndTheCpuTakesOverInFloat) {
  const fs::path folder = fresh_folder();
  for (const std::string model : {"lstm", "transformer"}) {
    const fs::path data = small_dataset(folder / (model + ".data"), "chordvec", 30);
    const fs::path whole = folder / (model + "-whole"), parts = folder / (model + "-parts"),
                   in_float = folder / (model + "-float");
    const auto options =
        joined(small_model(model), {data, "--steps", "4", "--log-every", "1", "--dropout", "0.3", "--device", "cuda"});
    ASSERT_EQ(train(joined(options, {"--precision", "bf16", "-o", whole})).status, 0);
    ASSERT_EQ(train(joined(options, {"--precision", "bf16", "-o", parts, "--stop-at", "2"})).status, 0);
    ASSERT_EQ(train({"--resume", "-o", parts, "-q"}).status, 0);
    expect_same_checkpoint(whole / "checkpoints/last", parts / "checkpoints/last");

    ASSERT_EQ(train(joined(options, {"--precision", "tf32", "-o", in_float})).status, 0);
    const std::vector<double> expected = losses(in_float), found = losses(whole);
    ASSERT_EQ(found.size(), expected.size());
    EXPECT_NE(found, expected);
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 2e-2 * expected[i]) << model;

    expect_failure(train({"--resume", "-o", parts, "--steps", "5", "--device", "cpu", "-q"}), 1,
                   "bf16 needs --device cuda");
    const ProgramResult longer =
        train({"--resume", "-o", parts, "--steps", "5", "--device", "cpu", "--precision", "float", "-q"});
    EXPECT_EQ(longer.status, 0) << longer.err;
  }
}

TEST_F(OnACard, EvaluationsAreInFloatUnlessAskedOtherwise) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "perf", "lstm", {"--device", "cuda", "--precision", "bf16"});
  const auto nats = [&](const std::vector<std::string>& options) {
    const ProgramResult result = run_program("polonaise-evaluate", joined({run, "--json"}, options));
    EXPECT_EQ(result.status, 0) << result.err;
    return nlohmann::json::parse(result.out)["nats_per_token"].get<double>();
  };
  const double on_cpu = nats({"--device", "cpu"}), on_card = nats({"--device", "cuda"}),
               in_bf16 = nats({"--device", "cuda", "--precision", "bf16"});
  EXPECT_NEAR(on_card, on_cpu, 1e-4 * on_cpu);
  EXPECT_NE(in_bf16, on_card);
  EXPECT_NEAR(in_bf16, on_cpu, 6e-3 * on_cpu);
  expect_failure(run_program("polonaise-evaluate", {run, "--device", "cpu", "--precision", "bf16"}), 1,
                 "bf16 needs --device cuda");
}

TEST_F(OnACard, SamplesAndEvaluationsAreTheCpus) {
  const fs::path folder = fresh_folder();
  const fs::path run = small_run(folder, "perf", "gru");
  std::string midi[2];
  double nats[2];
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string device = i == 0 ? "cpu" : "cuda";
    const fs::path sample = folder / (device + ".mid");
    const ProgramResult drawn = run_program(
        "polonaise-sample", {run, "--steps", "20", "--prime-steps", "4", "--device", device, "-o", sample, "-q"});
    ASSERT_EQ(drawn.status, 0) << drawn.err;
    midi[i] = read_text(sample);
    const ProgramResult evaluated = run_program("polonaise-evaluate", {run, "--device", device, "--json"});
    ASSERT_EQ(evaluated.status, 0) << evaluated.err;
    nats[i] = nlohmann::json::parse(evaluated.out)["nats_per_token"];
  }
  EXPECT_TRUE(midi[0] == midi[1]);
  EXPECT_NEAR(nats[1], nats[0], 1e-4 * nats[0]);
}

}  // namespace
}  // namespace polonaise::tools
