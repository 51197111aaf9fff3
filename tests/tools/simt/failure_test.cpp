#include <gtest/gtest.h>

#include "tests/tools/runs.h"

// A card that fails in the middle of a run: the emulator fails at a launch that is asked for.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

TEST(CardFailure, AFailedKernelIsOneSentenceAndTheRunGoesOnFromItsLastCheckpoint) {
  const fs::path folder = fresh_folder();
  const fs::path data = small_dataset(folder / "data", "chordvec", 30), whole = folder / "whole",
                 run = folder / "parts", last = run / "checkpoints/last";
  const auto options = joined(small_model("lstm"), {data, "--steps", "6", "--dropout", "0.3", "--device", "cuda"});
  ASSERT_EQ(train(joined(options, {"-o", whole})).status, 0);
  ASSERT_EQ(train(joined(options, {"-o", run, "--stop-at", "3"})).status, 0);
  const std::string model = read_text(last / "model.safetensors"), state = read_text(last / "state.safetensors");
  // Before the first step, in one, and in a later one.
  for (const char* launch : {"1", "20", "60"}) {
    const ProgramResult failed = run_program("polonaise-train", {"--resume", "-o", run, "-q"},
                                             {.environment = {{"POLONAISE_SIMT_FAIL_LAUNCH", launch}}});
    expect_failure(failed, 1, "polonaise-train: the kernel of ");
    EXPECT_TRUE(read_text(last / "model.safetensors") == model) << failed.err;
    EXPECT_TRUE(read_text(last / "state.safetensors") == state) << failed.err;
  }
  ASSERT_EQ(train({"--resume", "-o", run, "-q"}).status, 0);
  expect_same_checkpoint(whole / "checkpoints/last", last);
}

}  // namespace
}  // namespace polonaise::tools
