#include "tools/compare/study/recipe.h"

#include <gtest/gtest.h>

namespace polonaise::tools {
namespace {

TrainOptions of(const Combination& combination, const CompareOptions& options = {}) {
  return train_options(options, {.combination = combination, .size = {.hidden = 20, .layers = 3}}, 90);
}

TEST(CompareRecipe, AStepHasAboutAsManyTargetsWhateverTheWindows) {
  CompareOptions options;
  options.step_targets = 500;
  EXPECT_EQ(of({"lstm", 24, "cpu"}, options).batch, 21);
  EXPECT_EQ(of({"lstm", 200, "cpu"}, options).batch, 3);
  EXPECT_EQ(of({"transformer", 2000, "cpu"}, options).batch, 1);
  EXPECT_EQ(of({"bilstm", 24, "cpu"}, options).batch, 500) << "its windows have one target each";
}

TEST(CompareRecipe, TakesFromACombinationWhatItDecides) {
  CompareOptions options;
  options.lr = 0.01;
  options.optimizer = Rule::muon;
  options.precision = "bf16";
  const TrainOptions o = of({"gru", 24, "cuda:1", 80'000, 7}, options);
  EXPECT_EQ(o.model, Architecture::gru);
  EXPECT_EQ(o.seq, 24);
  EXPECT_EQ(o.device, "cuda:1");
  EXPECT_EQ(o.seed, 7u);
  EXPECT_EQ(o.hidden, 20);
  EXPECT_EQ(o.layers, 3);
  EXPECT_EQ(o.lr, 0.01);
  EXPECT_EQ(o.optimizer, Rule::muon);
  EXPECT_EQ(o.precision, "bf16");
  EXPECT_EQ(o.minutes, 1.5);
}

}  // namespace
}  // namespace polonaise::tools
