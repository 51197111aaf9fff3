#include "io/metrics/rhythm.h"

#include <gtest/gtest.h>

#include "io/metrics/pitched.h"
#include "tests/io/score_maker.h"

namespace polonaise::io {
namespace {

constexpr double kClose = 1e-12;

TEST(Rhythm, OnsetDistancesWithChordsAndWithout) {
  // Onsets 0 0 4 12 in eighths of a second.
  const Score score = score_of({{0, 4, 60}, {0, 4, 64}, {4, 4, 62}, {12, 4, 60}});
  const auto notes = pitched_notes(score);
  const TempoMap tempos(score);
  EXPECT_NEAR(*mean_ioi(notes, tempos), 1.5 / 3, kClose);
  EXPECT_NEAR(*mean_distinct_ioi(notes, tempos), 1.5 / 2, kClose);
}

TEST(Rhythm, OnsetDistancesFollowTheTempo) {
  Score score = score_of({{0, 4, 60}, {4, 4, 62}, {8, 4, 64}});
  score.tempos = {{0, 1000000}, {4, 250000}};
  EXPECT_NEAR(*mean_ioi(pitched_notes(score), TempoMap(score)), (1 + 0.25) / 2, kClose);
}

TEST(Rhythm, OneOnsetHasNoDistance) {
  const Score chord = score_of({{0, 4, 60}, {0, 4, 64}});
  const TempoMap tempos(chord);
  EXPECT_EQ(*mean_ioi(pitched_notes(chord), tempos), 0);
  EXPECT_EQ(mean_distinct_ioi(pitched_notes(chord), tempos), std::nullopt);
  EXPECT_EQ(mean_ioi({}, tempos), std::nullopt);
  EXPECT_EQ(mean_distinct_ioi({}, tempos), std::nullopt);
}

TEST(Rhythm, LengthsAreTheNearestOfTwelve) {
  const Meter meter(score_of({}, 24));  // a tick is 1/96 bar
  const auto class_of = [&](std::int64_t duration) { return note_length_class({.duration = duration}, meter); };
  for (std::size_t i = 0; i < kNoteLengths.size(); ++i) EXPECT_EQ(class_of(kNoteLengths[i]), static_cast<int>(i));
  EXPECT_EQ(class_of(500), 0);
  EXPECT_EQ(class_of(0), 4);
  EXPECT_EQ(class_of(7), 4) << "6 and 8 are as near: 6 stands first";
  EXPECT_EQ(class_of(17), 7) << "18 and 16 are as near: 18 stands first";
  EXPECT_EQ(class_of(61), 5) << "72";
}

TEST(Rhythm, LengthsAreMeasuredByTheirBar) {
  Score score = score_of({{0, 12, 60}, {12, 12, 60}}, 4);
  score.time_signatures = {{0, 3, 4}, {12, 6, 4}};
  const auto shares = note_lengths(pitched_notes(score), Meter(score));
  EXPECT_EQ((*shares)[0], 0.5) << "a bar of 3/4";
  EXPECT_EQ((*shares)[1], 0.5) << "half a bar of 6/4";
  EXPECT_EQ(note_lengths({}, Meter(score)), std::nullopt);
}

TEST(Rhythm, LengthTransitionsCountSuccessiveNotes) {
  // 1/4 1/4 1/8 1/4
  const Score score = score_of({{0, 4, 60}, {4, 4, 62}, {8, 2, 64}, {10, 4, 65}});
  const auto shares = note_length_transitions(pitched_notes(score), Meter(score));
  ASSERT_TRUE(shares);
  EXPECT_NEAR((*shares)[12 * 2 + 2], 1.0 / 3, kClose);
  EXPECT_NEAR((*shares)[12 * 2 + 3], 1.0 / 3, kClose);
  EXPECT_NEAR((*shares)[12 * 3 + 2], 1.0 / 3, kClose);
  EXPECT_EQ(note_length_transitions(pitched_notes(score_of({{0, 4, 60}})), Meter(score)), std::nullopt);
}

TEST(Rhythm, EqualBarsHavePerfectGroove) {
  // Two bars of four quarters, and not a third one behind.
  Score score = score_of({});
  for (int i = 0; i < 8; ++i) score.notes.push_back({.onset = 4 * i, .duration = 4, .pitch = 60});
  const auto alike = groove(score.notes, Meter(score));
  EXPECT_EQ(alike->pairs, 1);
  EXPECT_EQ(alike->adjacent, 1);
}

TEST(Rhythm, GrooveCountsPositionsThatDiffer) {
  // Bars of 64 ticks with onsets {0 32}, {0}, {0 16 32 48} and {0 32}. Distances: 1-2 1, 1-3 2, 1-4 0, 2-3 3, 2-4 1,
  // 3-4 2.
  const Score score = score_of({{0, 1, 60},
                                {32, 1, 60},
                                {64, 1, 60},
                                {128, 1, 60},
                                {144, 1, 60},
                                {160, 1, 60},
                                {176, 1, 60},
                                {192, 1, 60},
                                {224, 1, 60}},
                               16);
  const auto bars = groove(score.notes, Meter(score));
  EXPECT_NEAR(bars->pairs, 1 - 9.0 / 6 / 64, kClose);
  EXPECT_NEAR(bars->adjacent, 1 - 6.0 / 3 / 64, kClose);
}

TEST(Rhythm, GrooveNeedsTwoBars) {
  const Score one = score_of({{0, 40, 60}, {15, 4, 62}});
  EXPECT_FALSE(groove(one.notes, Meter(one)));
  EXPECT_FALSE(groove({}, Meter(one)));
}

}  // namespace
}  // namespace polonaise::io
