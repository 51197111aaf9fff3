#include "io/metrics/texture.h"

#include <gtest/gtest.h>

#include "io/metrics/chords.h"
#include "io/metrics/pitched.h"
#include "tests/io/score_maker.h"

namespace polonaise::io {
namespace {

constexpr double kClose = 1e-12;

TEST(Texture, CountsDifferentPitchesWhileAnySounds) {
  // 4 ticks of rest, C for 8, E over its second half and 4 more, 4 of rest, C struck twice at once for 4: of 24 ticks
  // 16 sound, 4 with two pitches.
  const auto notes = pitched_notes(score_of({{4, 8, 60}, {8, 8, 64}, {20, 4, 60}, {20, 4, 60, 1}}));
  const Texture sum = texture(notes);
  EXPECT_EQ(sum.ticks, 24);
  EXPECT_EQ(sum.sounding, 16);
  EXPECT_EQ(sum.polyphonic, 4);
  EXPECT_NEAR(*sum.polyphony(), 20.0 / 16, kClose);
  EXPECT_NEAR(*sum.polyphony_rate(), 4.0 / 24, kClose);
  EXPECT_EQ(*texture(notes, 3).polyphony_rate(), 0);
}

TEST(Texture, AChordOfThreeIsPolyphonicByEitherCount) {
  const auto notes = pitched_notes(score_of({{0, 4, 60}, {0, 4, 64}, {0, 4, 67}}));
  EXPECT_EQ(*texture(notes).polyphony(), 3);
  EXPECT_EQ(*texture(notes).polyphony_rate(), 1);
  EXPECT_EQ(*texture(notes, 3).polyphony_rate(), 1);
}

TEST(Texture, WhatDoesNotSoundHasNone) {
  EXPECT_EQ(texture({}).polyphony(), std::nullopt);
  EXPECT_EQ(texture({}).polyphony_rate(), std::nullopt);
  const Texture grace = texture(pitched_notes(score_of({{8, 0, 60}})));
  EXPECT_EQ(grace.polyphony(), std::nullopt);
  EXPECT_EQ(grace.polyphony_rate(), 0);
}

TEST(Texture, EmptyBeats) {
  // Quarters of 4 ticks: rest, sounding twice by one note, rest, sounding.
  EXPECT_NEAR(*empty_beat_rate(pitched_notes(score_of({{4, 8, 60}, {16, 2, 62}})), 4), 2.0 / 5, kClose);
  // A note ends with its last tick, not in the quarter after.
  EXPECT_EQ(*empty_beat_rate(pitched_notes(score_of({{0, 4, 60}})), 4), 0);
  // A long note under short ones.
  EXPECT_EQ(*empty_beat_rate(pitched_notes(score_of({{0, 16, 60}, {4, 1, 70}, {8, 1, 70}})), 4), 0);
  // One of no length stands in its quarter.
  EXPECT_NEAR(*empty_beat_rate(pitched_notes(score_of({{4, 0, 60}})), 4), 0.5, kClose);
  EXPECT_EQ(empty_beat_rate({}, 4), std::nullopt);
}

TEST(Chords, TheLongestTriadOfEachQuarter) {
  // C major, C major in another position, silence, A minor, G major with a short passing A.
  const auto notes = pitched_notes(score_of({{0, 4, 60},
                                             {0, 4, 64},
                                             {0, 4, 67},
                                             {4, 4, 64},
                                             {4, 4, 67},
                                             {4, 4, 72},
                                             {12, 4, 57},
                                             {12, 4, 60},
                                             {12, 4, 64},
                                             {16, 4, 55},
                                             {16, 4, 59},
                                             {16, 4, 62},
                                             {16, 1, 57}}));
  EXPECT_EQ(chord_progression(notes, 4), (std::vector<int>{0, 21, 7}));
  EXPECT_TRUE(chord_progression({}, 4).empty());
}

TEST(Chords, IrregularityIsTheShareOfDifferentRunsOfThree) {
  // Runs 0 5 7, 5 7 0, 7 0 5, 0 5 7: three different ones of four.
  EXPECT_NEAR(*chord_irregularity(std::vector{0, 5, 7, 0, 5, 7}), 3.0 / 4, kClose);
  EXPECT_EQ(*chord_irregularity(std::vector{0, 5, 7}), 1);
  EXPECT_EQ(chord_irregularity(std::vector{0, 5}), std::nullopt);
}

}  // namespace
}  // namespace polonaise::io
