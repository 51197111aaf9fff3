#include "io/metrics/distances.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/io/metrics/golden.h"

namespace polonaise::io {
namespace {

using Set = std::vector<std::vector<double>>;

TEST(Distances, IntraLeavesAPieceOutOfItsOwnAndInterTakesAllPairs) {
  // Points of the plane: 3, 4, 5 apart within A; from B's point 5, 4 and 3.
  const Set a = {{0, 0}, {3, 0}, {0, 4}}, b = {{3, 4}};
  const SetDistance found = set_distance(a, b);
  EXPECT_EQ(found.pieces_a, 3);
  EXPECT_EQ(found.pieces_b, 1);
  EXPECT_DOUBLE_EQ(*found.intra_a, 4);
  EXPECT_DOUBLE_EQ(*found.inter, 4);
  EXPECT_EQ(found.intra_b, std::nullopt) << "one piece has no distance within its set";
  EXPECT_TRUE(found.kl_a);
  EXPECT_FALSE(found.kl_b);
  EXPECT_FALSE(found.overlap_b);
}

TEST(Distances, DivergencesAreScipysOverTheWholeLine) {
  const std::vector<GoldenDensities> golden = golden_densities();
  ASSERT_FALSE(golden.empty());
  for (const GoldenDensities& lists : golden) {
    const auto found = divergence(lists.intra, lists.inter);
    ASSERT_TRUE(found);
    // The grid ends four widths from the last kernel: of p 1 - 6e-5 lies inside.
    EXPECT_NEAR(found->kl, lists.kl, 2e-3 * (1 + lists.kl));
    EXPECT_NEAR(found->overlap, lists.overlap, 1e-3);
  }
}

TEST(Distances, KernelsOfOneWidthAtADistanceHaveAKnownDivergence) {
  // Two far clusters of the same shape: at distance d of 40 widths log(p / q) is near d^2 / 2 h^2, and none is lost to
  // underflow.
  const std::vector<double> intra = {0, 1}, inter = {100, 101};
  const double width = std::sqrt(0.5) * std::pow(2, -0.2);
  const auto found = divergence(intra, inter);
  const double expected = 0.5 * (99 * 99 + 100 * 100) / (2 * width * width);
  EXPECT_NEAR(found->kl, expected, expected * 0.02);
  EXPECT_TRUE(std::isfinite(found->kl));
  EXPECT_NEAR(found->overlap, 0, 1e-9);
}

TEST(Distances, EqualListsAgree) {
  const std::vector<double> list = {1, 2, 2, 5};
  const auto found = divergence(list, list);
  EXPECT_NEAR(found->kl, 0, 1e-9);
  EXPECT_NEAR(found->overlap, 1, 1e-3);
}

TEST(Distances, ListsWithoutSpreadAreDefined) {
  const std::vector<double> two = {2, 2, 2}, zero = {0, 0}, mixed = {0, 1, 2, 3};
  EXPECT_EQ(divergence(two, two)->kl, 0);
  EXPECT_EQ(divergence(two, two)->overlap, 1);
  for (const auto& [p, q] : {std::pair{two, zero}, {two, mixed}, {mixed, two}, {zero, mixed}}) {
    const auto found = divergence(p, q);
    EXPECT_TRUE(std::isfinite(found->kl));
    EXPECT_GT(found->kl, 0.1);
    EXPECT_GE(found->overlap, 0);
    EXPECT_LT(found->overlap, 0.9);
  }
  EXPECT_FALSE(divergence({}, two));
  EXPECT_FALSE(divergence(two, {}));
}

TEST(Distances, UndefinedValuesArePassedOver) {
  const SetDistance found = set_distance(Set{{1}, {}, {3}}, Set{{}, {}});
  EXPECT_EQ(found.pieces_a, 2);
  EXPECT_EQ(found.pieces_b, 0);
  EXPECT_EQ(*found.intra_a, 2);
  EXPECT_FALSE(found.inter);
  EXPECT_FALSE(found.kl_a);
}

TEST(Distances, OfLargeSetsEvenlySpacedPiecesAreCompared) {
  // 256 pieces at 0 and 1 by turns: of 128 every second one, all at 0.
  Set set;
  for (int i = 0; i < 256; ++i) set.push_back({static_cast<double>(i % 2)});
  const SetDistance found = set_distance(set, Set{{0}});
  EXPECT_EQ(found.pieces_a, 256);
  EXPECT_EQ(*found.intra_a, 0);
}

}  // namespace
}  // namespace polonaise::io
