#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/tools/runs.h"

// Networks learn where nothing is given but which one: not its learning rate, its start or its schedule.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

class TrainedAtItsDefaults : public ::testing::TestWithParam<std::string> {};

TEST_P(TrainedAtItsDefaults, PassesTheBigramOfMusicMadeByRule) {
  const fs::path folder = fresh_folder();
  for (const std::string encoding : {"chordvec", "tsd"}) {
    const fs::path data = folder / (encoding + ".data"), run = folder / (encoding + "-run");
    ASSERT_EQ(run_program("polonaise-prepare",
                          {"--synthetic", "200", "--encoding", encoding, "--split", "0.7,0.15,0.15", "-q", "-o", data})
                  .status,
              0);
    const ProgramResult trained = train({data, "--model", GetParam(), "--hidden", "32", "--seq", "24", "--batch", "32",
                                         "--steps", "300", "--validate-every", "100", "-q", "-o", run});
    ASSERT_EQ(trained.status, 0) << trained.err;
    const auto result = nlohmann::json::parse(run_program("polonaise-evaluate", {run, "--json"}).out);
    EXPECT_LT(result[encoding == "tsd" ? "nats_per_token" : "nats_per_frame"], result["baselines"]["bigram"])
        << GetParam() << " on " << encoding;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, TrainedAtItsDefaults, ::testing::Values("rnn", "lstm", "gru", "transformer"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace polonaise::tools
