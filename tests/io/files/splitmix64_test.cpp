#include "io/files/splitmix64.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <vector>

namespace polonaise::io {
namespace {

TEST(Random, IsSplitMix64) {
  // The reference implementation's first outputs for the seed 1234567.
  Random random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317U);
  EXPECT_EQ(random.next(), 3203168211198807973U);
  EXPECT_EQ(random.next(), 9817491932198370423U);
}

TEST(Random, BelowIsUniform) {
  Random random(1);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 500);
  EXPECT_EQ(random.below(1), 0U);
}

TEST(Random, StreamsOfOneSeedDiffer) {
  EXPECT_NE(Random(1, 0).next(), Random(1, 1).next());
  EXPECT_NE(Random(0, 1).next(), Random(1, 0).next());
  EXPECT_EQ(Random(3, 4).next(), Random(3, 4).next());
}

TEST(Random, ShuffleReachesEveryOrder) {
  std::array<int, 6> counts{};
  Random random(2);
  for (int i = 0; i < 6000; ++i) {
    std::vector<int> order = {0, 1, 2};
    shuffle(std::span(order), random);
    ++counts[static_cast<std::size_t>(order[0] * 2 + (order[1] > order[2]))];
  }
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
}

}  // namespace
}  // namespace polonaise::io
