#include "io/metrics/compat.h"

#include <gtest/gtest.h>

#include "tests/io/metrics/golden.h"
#include "tests/io/score_maker.h"

namespace polonaise::io {
namespace {

void expect_golden(const std::map<std::string, std::optional<double>>& golden, const std::vector<CompatValue>& values,
                   const std::string& piece) {
  EXPECT_EQ(values.size(), golden.size());
  for (const auto& [name, value] : values) {
    const std::optional<double> expected = golden.at(std::string(name));
    ASSERT_EQ(value.has_value(), expected.has_value()) << name << " of " << piece;
    if (!value) continue;
    EXPECT_NEAR(*value, *expected, 1e-12) << name << " of " << piece;
  }
}

TEST(Compat, MuspysValuesWithItsFaults) {
  const std::vector<GoldenPiece> golden = golden_pieces();
  ASSERT_GE(golden.size(), 13u);
  for (const GoldenPiece& piece : golden) expect_golden(piece.muspy, muspy_metrics(piece.score), piece.name);
}

TEST(Compat, PypianorollsValuesWithItsFaults) {
  const std::vector<GoldenPiece> golden = golden_pieces();
  ASSERT_GE(golden.size(), 13u);
  for (const GoldenPiece& piece : golden)
    expect_golden(piece.pypianoroll, pypianoroll_metrics(piece.score), piece.name);
}

std::optional<double> named(const std::vector<CompatValue>& values, std::string_view name) {
  for (const CompatValue& value : values) {
    if (value.name == name) return value.value;
  }
  return std::nullopt;
}

TEST(Compat, APedalAfterTheLastNoteMakesMuspysPieceLonger) {
  Score score = score_of({{0, 4, 60}});
  EXPECT_EQ(named(muspy_metrics(score), "empty_beat_rate"), 0);
  score.pedals = {{2, 0, true}, {14, 0, false}};
  EXPECT_EQ(named(muspy_metrics(score), "empty_beat_rate"), 0.5);
}

TEST(Compat, WhatPypianorollReadsOtherwiseHasNoValues) {
  Score meters = score_of({{0, 16, 60}});
  meters.time_signatures = {{0, 4, 4}, {8, 3, 4}};
  for (const Score& score : {meters, score_of({{0, 16, 60}, {8, 16, 60}}), score_of({{0, 16, 60}, {8, 0, 62}})}) {
    for (const CompatValue& value : pypianoroll_metrics(score)) EXPECT_FALSE(value.value) << value.name;
  }
  EXPECT_TRUE(named(pypianoroll_metrics(score_of({{0, 16, 60}, {8, 16, 62}})), "polyphonic_rate"));
}

}  // namespace
}  // namespace polonaise::io
