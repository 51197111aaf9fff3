#include "tools/compare/results/network.h"

#include <gtest/gtest.h>

#include "tests/tools/compare/hand_made.h"

namespace polonaise::tools {
namespace {

TEST(CompareSpread, HasMeanLeastAndGreatest) {
  const Spread spread = *spread_of({3, 1, 2});
  EXPECT_DOUBLE_EQ(spread.mean, 2);
  EXPECT_EQ(spread.least, 1);
  EXPECT_EQ(spread.greatest, 3);
  EXPECT_EQ(spread.runs, 3);
  EXPECT_FALSE(spread_of({}));
  const Spread same = *spread_of({0.1, 0.1, 0.1});
  EXPECT_EQ(same.mean, 0.1) << "rounding does not take it out of the range";
}

TEST(CompareSpread, IsLevelWithWhatItOverlaps) {
  EXPECT_TRUE(level({8.2, 8.0, 8.4, 2}, {8.6, 8.4, 8.8, 2}));
  EXPECT_TRUE(level({8.6, 8.4, 8.8, 2}, {8.2, 8.0, 8.4, 2}));
  EXPECT_FALSE(level({8.1, 8.0, 8.2, 2}, {8.4, 8.3, 8.5, 2}));
}

TEST(CompareSpread, IsNotLevelWithWhatEverySeedOfItBeatsHoweverWideItIs) {
  EXPECT_FALSE(level({8.3, 8.1, 8.5, 2}, {10.1, 8.9, 11.3, 2}));
}

TEST(CompareSpread, OfOneSeedIsLevelWithinHalfAPercent) {
  EXPECT_TRUE(level(single(8.0), single(8.039)));
  EXPECT_FALSE(level(single(8.0), single(8.05)));
}

TEST(CompareNetwork, IsOfTheRunsThatDifferInTheirSeedAlone) {
  Results r = with_seeds({seeded("rnn", 24, 40'000, {0.3, 0.4}, 9'000), seeded("lstm", 24, 40'000, {0.3, 0.4}, 9'000)});
  r.combinations.push_back(r.combinations[0]);
  r.combinations.back().combination.parameters = 20'000;
  const std::vector<Network> networks = networks_of(r);
  ASSERT_EQ(networks.size(), 3u);
  EXPECT_EQ(networks[0].runs.size(), 2u);
  EXPECT_EQ(networks[1].combination().model, "lstm");
  EXPECT_EQ(networks[2].combination().parameters, 20'000);
  EXPECT_EQ(scopes_of(r), (std::vector<Scope>{{"cpu", 80'000}, {"cpu", 20'000}}));
  EXPECT_EQ(networks_of(r, {"cpu", 20'000}).size(), 1u);
  EXPECT_DOUBLE_EQ(networks[0].end_loss()->mean, 10 - 3 * 0.35);
}

TEST(CompareNetwork, AValueThatARunLacksIsNoneOfTheNetwork) {
  Results r = with_seeds({seeded("rnn", 24, 40'000, {0.3, 0.4}, 9'000)});
  r.combinations[1].sampled_per_second = 0;
  r.combinations[1].stage = Stage::trained;
  const Network network = networks_of(r)[0];
  EXPECT_FALSE(network.test_loss());
  EXPECT_TRUE(network.end_loss());
  EXPECT_EQ(network.sampled_per_second()->mean, 1000) << "samples are of the first seed alone";
}

TEST(CompareNetwork, LeavesTheUnigramByMoreThanAPercentOnce) {
  CombinationResult run = trained("rnn", 24, 40'000, 0, 9'000);  // 10 nats throughout
  EXPECT_TRUE(never_left(run, 9.5));
  EXPECT_TRUE(never_left(run, 10));
  EXPECT_TRUE(never_left(run, 10.1)) << "within a percent";
  EXPECT_FALSE(never_left(run, 10.2));
  run.curve[1].loss = 9;
  EXPECT_FALSE(never_left(run, 10)) << "it was lower once";
}

TEST(CompareNetwork, OneOfWhichASeedLeftTheUnigramLeftIt) {
  const Results r = with_seeds({seeded("rnn", 24, 40'000, {0, 0.4}, 9'000), seeded("gru", 24, 40'000, {0, 0}, 9'000)});
  const std::vector<Network> networks = networks_of(r);
  EXPECT_EQ(networks[0].stuck(9.5), 1);
  EXPECT_FALSE(networks[0].never_left(9.5));
  EXPECT_TRUE(networks[1].never_left(9.5));
}

}  // namespace
}  // namespace polonaise::tools
