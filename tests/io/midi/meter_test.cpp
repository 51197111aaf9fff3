#include "io/midi/meter.h"

#include <gtest/gtest.h>

namespace polonaise::io {
namespace {

Score with_meters(std::int64_t ticks, std::vector<TimeSignature> meters) {
  Score score;
  score.ticks_per_quarter = ticks;
  score.time_signatures = std::move(meters);
  return score;
}

TEST(Meter, CommonTimeWithoutATimeSignature) {
  const Meter meter(with_meters(4, {}));
  EXPECT_EQ(meter.bar(0), 0);
  EXPECT_EQ(meter.bar(15), 0);
  EXPECT_EQ(meter.bar(16), 1);
  EXPECT_EQ(meter.start(3), 48);
  EXPECT_EQ(meter.bar_ticks(100), 16);
  EXPECT_EQ(meter.position(15, 64), 60);
  EXPECT_EQ(meter.position(16, 64), 0);
}

TEST(Meter, ATimeSignatureBeginsABarAndCutsTheOneBefore) {
  // 3/4 from the start, 6/8 in the middle of the second bar.
  const Meter meter(with_meters(4, {{0, 3, 4}, {18, 6, 8}, {42, 4, 4}}));
  EXPECT_EQ(meter.bar(17), 1);
  EXPECT_EQ(meter.bar(18), 2);
  EXPECT_EQ(meter.start(2), 18);
  EXPECT_EQ(meter.position(17, 12), 5);
  EXPECT_EQ(meter.bar(41), 3);
  EXPECT_EQ(meter.start(3), 30);
  EXPECT_EQ(meter.bar(42), 4);
  EXPECT_EQ(meter.bar_ticks(41), 12);
}

TEST(Meter, OfTwoTimeSignaturesAtOneTickTheLastCounts) {
  const Meter meter(with_meters(4, {{0, 3, 4}, {0, 2, 4}}));
  EXPECT_EQ(meter.bar_ticks(0), 8);
  EXPECT_EQ(meter.bar(8), 1);
}

TEST(Meter, BarsShorterThanATickAreCountedNotDividedByZero) {
  const Meter meter(with_meters(1, {{0, 1, 128}}));
  EXPECT_DOUBLE_EQ(meter.bar_ticks(0), 1.0 / 32);
  EXPECT_EQ(meter.bar(1), 32);
  EXPECT_DOUBLE_EQ(meter.start(32), 1);
  EXPECT_EQ(meter.position(1, 64), 0);
  EXPECT_EQ(meter.bar((std::int64_t{1} << 31) - 1), ((std::int64_t{1} << 31) - 1) * 32);
}

}  // namespace
}  // namespace polonaise::io
