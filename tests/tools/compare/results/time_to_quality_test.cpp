#include "tools/compare/results/time_to_quality.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/tools/compare/hand_made.h"

namespace polonaise::tools {
namespace {

TEST(CompareTarget, IsReachedOnALineOverTheLogarithm) {
  const std::vector<CurvePoint> curve = {{1000, 2, 8}, {4000, 8, 6}, {8000, 16, 6.5}, {16000, 32, 5}};
  const Reached middle = *first_reached(curve, 7);
  EXPECT_NEAR(middle.targets, 2000, 1e-9);
  EXPECT_NEAR(middle.seconds, 4, 1e-12);
  EXPECT_NEAR(first_reached(curve, 6)->targets, 4000, 1e-9) << "the first time, though it was lost again";
  EXPECT_NEAR(first_reached(curve, 5)->seconds, 32, 1e-12);
  EXPECT_FALSE(first_reached(curve, 4.99));
  EXPECT_FALSE(first_reached({}, 4));
}

TEST(CompareTarget, IsReachedByTheFirstMeasurementAtTheLatest) {
  const Reached begin = *first_reached({{1000, 2, 8}, {4000, 8, 6}}, 9);
  EXPECT_EQ(begin.targets, 1000);
  EXPECT_EQ(begin.seconds, 2);
}

TEST(CompareTarget, TheFastestIsFirstAndWhatNotAllSeedsReachedIsLast) {
  const Results r = with_seeds({seeded("rnn", 24, 80'000, {0.2, 0.5}, 9'000),         // one of two reaches 9
                                seeded("gru", 24, 80'000, {0.1, 0.1}, 9'000),         // none
                                seeded("lstm", 24, 80'000, {0.5, 0.5}, 10'000),       // after 20,000 targets
                                seeded("transformer", 24, 80'000, {1, 1}, 10'000)});  // after 10,000
  const std::vector<TimeToQuality> times = times_to_quality(networks_of(r), 9);
  ASSERT_EQ(times.size(), 4u);
  EXPECT_EQ(times[0].network.combination().model, "transformer");
  EXPECT_NEAR(times[0].targets->mean, 10'000, 1e-6);
  EXPECT_EQ(times[1].network.combination().model, "lstm");
  EXPECT_NEAR(times[1].seconds->mean, 2, 1e-9);
  EXPECT_EQ(times[2].network.combination().model, "rnn");
  EXPECT_EQ(times[2].reached, 1);
  EXPECT_FALSE(times[2].seconds);
  EXPECT_EQ(times[3].reached, 0);
}

}  // namespace
}  // namespace polonaise::tools
