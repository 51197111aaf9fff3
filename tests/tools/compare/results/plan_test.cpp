#include "tools/compare/results/plan.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tools/cli/cli.h"

namespace polonaise::tools {
namespace {

std::string refusal(const PlanOptions& options) {
  try {
    make_plan(options);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(ComparePlan, SharesFourFifthsOfTheBudgetEvenly) {
  const Plan plan = make_plan({{"rnn", "lstm"}, {24, 48, 64}, {"cpu", "cuda:1"}, 10});
  ASSERT_EQ(plan.combinations.size(), 12u);
  EXPECT_DOUBLE_EQ(12 * plan.training_seconds, 480);
  EXPECT_DOUBLE_EQ(12 * plan.after_seconds, 120);
  EXPECT_DOUBLE_EQ(plan.total_seconds(), 600);
}

TEST(ComparePlan, GoesByDeviceThenLengthThenModel) {
  const Plan plan = make_plan({{"rnn", "lstm"}, {48, 24}, {"cpu", "cuda:1"}, 10});
  std::vector<std::string> names;
  for (const Combination& c : plan.combinations) names.push_back(c.name);
  EXPECT_THAT(names, testing::ElementsAre("rnn-48-cpu", "lstm-48-cpu", "rnn-24-cpu", "lstm-24-cpu", "rnn-48-cuda1",
                                          "lstm-48-cuda1", "rnn-24-cuda1", "lstm-24-cuda1"));
}

TEST(ComparePlan, SharesTheBudgetOverSizesAndSeedsToo) {
  const Plan plan = make_plan({{"rnn", "lstm"}, {24}, {"cpu"}, 10, {20'000, 80'000}, {1, 2, 3}});
  ASSERT_EQ(plan.combinations.size(), 12u);
  EXPECT_DOUBLE_EQ(12 * plan.training_seconds, 480);
}

TEST(ComparePlan, GoesBySeedFirstAndNamesWhatThereAreSeveralOf) {
  const auto names = [](const PlanOptions& options) {
    std::vector<std::string> all;
    for (const Combination& c : make_plan(options).combinations) all.push_back(c.name);
    return all;
  };
  EXPECT_THAT(names({{"rnn"}, {24}, {"cpu"}, 10, {20'000, 80'000}, {3, 1}}),
              testing::ElementsAre("rnn-24-cpu-20000-seed3", "rnn-24-cpu-80000-seed3", "rnn-24-cpu-20000-seed1",
                                   "rnn-24-cpu-80000-seed1"));
  EXPECT_THAT(names({{"rnn"}, {24}, {"cpu"}, 10, {20'000}, {3, 1}}),
              testing::ElementsAre("rnn-24-cpu-seed3", "rnn-24-cpu-seed1"));
  EXPECT_THAT(names({{"rnn"}, {24}, {"cpu"}, 10, {20'000, 80'000}, {3}}),
              testing::ElementsAre("rnn-24-cpu-20000", "rnn-24-cpu-80000"));
  EXPECT_THAT(names({{"rnn"}, {24}, {"cpu"}, 10, {20'000}, {3}}), testing::ElementsAre("rnn-24-cpu"));
}

TEST(ComparePlan, ABudgetThatIsTooSmallNamesTheLeast) {
  const std::string sentence = refusal({{"rnn", "lstm"}, {24, 48}, {"cpu"}, 0.01});
  EXPECT_THAT(sentence, testing::HasSubstr("--budget 0.01 leaves 0.12 s of training to each of 4 combinations"));
  EXPECT_THAT(sentence, testing::HasSubstr("(2 models x 2 lengths x 1 device x 1 size x 1 seed)"));
  EXPECT_THAT(sentence, testing::HasSubstr("the least is 0.05 minutes"));
  const std::string seeds = refusal({{"rnn", "lstm"}, {24, 48}, {"cpu"}, 0.05, {80'000}, {1, 2, 3}});
  EXPECT_THAT(seeds,
              testing::HasSubstr("each of 12 combinations (2 models x 2 lengths x 1 device x 1 size x 3 seeds)"));
  EXPECT_THAT(seeds, testing::HasSubstr("the least is 0.13 minutes"));
  EXPECT_EQ(refusal({{"rnn", "lstm"}, {24, 48}, {"cpu"}, 0.05}), "");
  EXPECT_THAT(refusal({{"rnn"}, {24}, {"cpu"}, 0}), testing::HasSubstr("the least is"));
}

TEST(ComparePlan, RefusesListsThatAreEmptyOrNameSomethingTwice) {
  EXPECT_THAT(refusal({{"rnn", "rnn"}, {24}, {"cpu"}, 10}), testing::HasSubstr("--models names rnn twice"));
  EXPECT_THAT(refusal({{"rnn"}, {24, 48, 24}, {"cpu"}, 10}), testing::HasSubstr("--seq names 24 twice"));
  EXPECT_THAT(refusal({{"rnn"}, {24}, {"cpu", "cpu"}, 10}), testing::HasSubstr("--devices names cpu twice"));
  EXPECT_THAT(refusal({{"rnn"}, {24}, {"cpu"}, 10, {4000, 4000}}), testing::HasSubstr("--parameters names 4000 twice"));
  EXPECT_THAT(refusal({{"rnn"}, {24}, {"cpu"}, 10, {4000}, {1, 2, 1}}), testing::HasSubstr("--seeds names 1 twice"));
  EXPECT_THAT(refusal({{"rnn"}, {}, {"cpu"}, 10}), testing::HasSubstr("--seq needs at least one value"));
}

TEST(ComparePlan, MarksOfTheCourseGrowBySqrtTwo) {
  const std::vector<std::int64_t> marks = course_marks();
  EXPECT_EQ(marks.front(), 4000);
  for (std::size_t i = 2; i < marks.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(marks[i]) / static_cast<double>(marks[i - 2]), 2, 1e-3);
  }
  EXPECT_GT(marks.back(), 50'000'000'000);
}

}  // namespace
}  // namespace polonaise::tools
