#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/tools/runs.h"

// The piano-roll benchmark's chorales, for the models of the study: 8.45 (LSTM) and 8.91 (RNN) nats per frame are
// published by Bai et al. 2018; counting pairs of frames reaches 10.49.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

struct Recipe {
  std::string model, lr, epochs;
};

class Chorales : public testing::TestWithParam<Recipe> {};
INSTANTIATE_TEST_SUITE_P(Models, Chorales, testing::Values(Recipe{"lstm", "0.01", "40"}, Recipe{"rnn", "0.004", "50"}),
                         [](const auto& tested) { return tested.param.model; });

TEST_P(Chorales, AreLearned) {
  const char* data = std::getenv("POLONAISE_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "POLONAISE_TEST_DATA is unset: it names the folder with polyphonic/jsb_chorales";
  const fs::path folder = fresh_folder();
  const ProgramResult prepared = run_program(
      "polonaise-prepare", {"--rolls", fs::path(data) / "polyphonic/jsb_chorales", "-o", folder / "jsb.data"});
  ASSERT_EQ(prepared.status, 0) << prepared.err;
  const Recipe& recipe = GetParam();
  const std::vector<std::string> model = {"--model", recipe.model, "--hidden", "64", "--layers", "2", "--seq", "64"};
  const std::vector<std::string> course = {"--batch",  "4",   "--lr",           recipe.lr, "--epochs",  recipe.epochs,
                                           "--warmup", "100", "--weight-decay", "0.3",     "--dropout", "0.1"};
  const ProgramResult trained =
      train(joined(joined({folder / "jsb.data", "-q", "--threads", "1", "-o", folder / "run"}, model), course));
  ASSERT_EQ(trained.status, 0) << trained.err;
  const ProgramResult evaluated =
      run_program("polonaise-evaluate", {folder / "run", "--protocol", "bai2018", "--json"});
  ASSERT_EQ(evaluated.status, 0) << evaluated.err;
  const nlohmann::json result = nlohmann::json::parse(evaluated.out);
  EXPECT_EQ(result["targets"], 4648);
  EXPECT_NEAR(result["baselines"]["unigram"], 11.0925, 5e-4);
  EXPECT_NEAR(result["baselines"]["bigram"], 10.4919, 5e-4);
  EXPECT_LE(result["nats_per_frame"], 8.80);
}

}  // namespace
}  // namespace polonaise::tools
