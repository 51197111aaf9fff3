#include <gtest/gtest.h>

#include <string>

#include "tests/tools/runs.h"

// What polonaise-train makes of the options of its learning rate and optimizer.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

TEST(TrainingRate, ALaterEndSaysWhatTheLearningRateBecomes) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88");
  const auto options = joined({data, "--steps", "6", "--lr", "1e-3", "--warmup", "0"}, small_model("rnn"));
  ASSERT_EQ(train(joined(options, {"-o", folder / "cosine"})).status, 0);
  const ProgramResult longer = train({"--resume", "-o", folder / "cosine", "--steps", "12", "-q"});
  EXPECT_EQ(longer.status, 0);
  EXPECT_TRUE(contains(longer.err,
                       "the end was step 6 and is now step 12: by --schedule cosine the learning rate goes on at "
                       "4.34e-04, and not at 1.00e-04"))
      << longer.err;
  ASSERT_EQ(train(joined(options, {"--schedule", "constant", "-o", folder / "constant"})).status, 0);
  EXPECT_EQ(train({"--resume", "-o", folder / "constant", "--steps", "12", "-q"}).err, "");
  // 0.9999860 and 0.9999938 of --lr.
  const auto far_end = joined({data, "--steps", "20000", "--warmup", "0"}, small_model("rnn"));
  ASSERT_EQ(train(joined(far_end, {"--stop-at", "50", "-o", folder / "far"})).status, 0);
  const ProgramResult further = train({"--resume", "-o", folder / "far", "--steps", "30000", "--stop-at", "51", "-q"});
  EXPECT_EQ(further.err, "") << "what no digit shows is not said";
}

TEST(TrainingRate, AWarmUpThatWasNotGivenLeavesRoomForTraining) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88");
  const auto warmup = [&](const std::string& name, const std::vector<std::string>& options) {
    const fs::path run = folder / name;
    EXPECT_EQ(train(joined(joined(small_model("rnn"), {data, "--batch", "100", "-o", run}), options)).status, 0);
    return read_text(run / "config.toml");
  };
  EXPECT_TRUE(contains(warmup("steps", {"--steps", "30"}), "\nwarmup = 10\n"));
  EXPECT_TRUE(contains(warmup("epochs", {"--epochs", "30"}), "\nwarmup = 10\n"));  // an epoch is one batch
  EXPECT_TRUE(contains(warmup("neither", {}), "\nwarmup = 10\n"));                 // 30 epochs
  EXPECT_TRUE(contains(warmup("given", {"--epochs", "30", "--warmup", "20"}), "\nwarmup = 20\n"));
}

TEST(TrainingRate, WithoutAnEndTheLearningRateFallsWithTheRootOfTheSteps) {
  const auto dumped = [](const std::vector<std::string>& options) {
    return run_program("polonaise-train", joined({"x.data", "-o", "run", "--dump-config"}, options)).out;
  };
  const std::string open_ended = dumped({"--minutes", "1"}), epochs = dumped({"--minutes", "1", "--epochs", "3"});
  EXPECT_TRUE(contains(open_ended, "schedule = \"inverse-sqrt\"")) << open_ended;
  EXPECT_TRUE(contains(open_ended, "lr-floor = 0.02")) << open_ended;
  EXPECT_TRUE(contains(epochs, "schedule = \"cosine\"")) << epochs;
  EXPECT_TRUE(contains(epochs, "lr-floor = 0.1")) << epochs;
  EXPECT_TRUE(contains(dumped({"--minutes", "1", "--schedule", "constant"}), "schedule = \"constant\""));
}

TEST(TrainingRate, RefusesCoursesThatAreNone) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "roll88");
  const auto refused = [&](const std::vector<std::string>& options, std::string_view part) {
    expect_failure(train(joined(joined({data, "-o", folder / "run"}, small_model("rnn")), options)), 2, part);
    EXPECT_FALSE(fs::exists(folder / "run"));
  };
  refused({"--betas", "1,1"}, "--betas 1,1: two numbers below 1 are wanted");
  refused({"--betas", "0.9"}, "--betas 0.9: two numbers below 1 are wanted");
  refused({"--betas", "0.9,0.99999999"}, "--betas 0.9,0.99999999: two numbers below 1 are wanted");  // 1 as a float
  refused({"--eps", "0"}, "--eps 0: where gradients are 0 a step would be 0 / 0");
  refused({"--eps", "1e-60"}, "--eps 1e-60: ");
  refused({"--ema", "1"}, "--ema 1: the average would never move");
  refused({"--ema", "0.999999999"}, "--ema 0.999999999: the average would never move");
  refused({"--optimizer", "sgd"}, "--optimizer");
  refused({"--muon-lr", "0.1"}, "--muon-lr belongs to --optimizer muon");
  refused({"--schedule", "cosin"}, "--schedule");
  refused({"--lr-floor", "2"}, "--lr-floor");
  refused({"--start", "zeros"}, "--start");
}

}  // namespace
}  // namespace polonaise::tools
