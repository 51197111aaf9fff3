#include "io/metrics/pitch.h"

#include <gtest/gtest.h>

#include <cmath>

#include "io/metrics/pitched.h"
#include "tests/io/score_maker.h"

namespace polonaise::io {
namespace {

constexpr double kClose = 1e-12;

std::vector<Note> notes_of(std::initializer_list<Played> notes) {
  return pitched_notes(score_of(notes));
}

TEST(Pitch, CountAndRangeLeaveOutPercussionAndRepetitions) {
  const auto notes = notes_of({{0, 4, 60}, {4, 4, 72}, {8, 4, 60}, {8, 4, 90, 9}});
  EXPECT_EQ(pitch_count(notes), 2);
  EXPECT_EQ(pitch_range(notes), 12);
  EXPECT_EQ(pitch_count({}), 0);
  EXPECT_EQ(pitch_range({}), std::nullopt);
  EXPECT_EQ(pitch_range(notes_of({{0, 4, 60}})), 0);
}

TEST(Pitch, ClassesAreWeightedByDuration) {
  // C 6 ticks in two octaves, G 2.
  const auto shares = normalised(pitch_class_ticks(notes_of({{0, 4, 60}, {4, 2, 48}, {6, 2, 67}})));
  ASSERT_TRUE(shares);
  EXPECT_NEAR((*shares)[0], 0.75, kClose);
  EXPECT_NEAR((*shares)[7], 0.25, kClose);
  // 3/4 log2(4/3) + 1/4 log2 4
  EXPECT_NEAR(*entropy_bits(*shares), 0.75 * std::log2(4.0 / 3) + 0.5, kClose);
  EXPECT_EQ(normalised(pitch_class_ticks(notes_of({{0, 0, 60}}))), std::nullopt);
  EXPECT_EQ(entropy_bits(PitchClasses{}), std::nullopt);
}

TEST(Pitch, EntropyIsThatOfTwelveForTheChromaticScaleAndZeroForOnePitch) {
  PitchClasses all;
  all.fill(3);
  EXPECT_NEAR(*entropy_bits(all), std::log2(12.0), kClose);
  PitchClasses one{};
  one[4] = 5;
  EXPECT_EQ(entropy_bits(one), 0);
}

TEST(Pitch, WindowEntropyIsTheMeanOverBarsInWhichSomethingSounds) {
  // Bars of 16 ticks: C and D alike (1 bit); nothing; E alone (0 bits); E and F as 3 to 1, the E tied over from before.
  const Score score = score_of({{0, 8, 60}, {8, 8, 62}, {32, 28, 64}, {60, 4, 65}});
  const auto notes = pitched_notes(score);
  const Meter meter(score);
  const double last = 0.75 * std::log2(4.0 / 3) + 0.5;
  EXPECT_NEAR(*window_entropy(notes, meter, 1), (1 + 0 + last) / 3, kClose);
  // Four bars are one window: C 8, D 8, E 28, F 4 of 48 ticks.
  double whole = 0;
  for (const double ticks : {8.0, 8.0, 28.0, 4.0}) whole -= ticks / 48 * std::log2(ticks / 48);
  EXPECT_NEAR(*window_entropy(notes, meter, 4), whole, kClose);
  EXPECT_NEAR(*window_entropy(notes, meter, 9), whole, kClose) << "a shorter piece is one window";
  // Windows of three bars: C 8 D 8 E 16, then E 28 F 4.
  const double third = 0.25 * 2 * 2 + 0.5, fourth = 7.0 / 8 * std::log2(8.0 / 7) + 3.0 / 8;
  EXPECT_NEAR(*window_entropy(notes, meter, 3), (third + fourth) / 2, kClose);
  EXPECT_EQ(window_entropy({}, meter, 1), std::nullopt);
}

TEST(Pitch, TransitionsJoinNotesThatMeetInTime) {
  // A tick is 1/8 s. C ends where E and G begin; they end where C begins again, which ends nowhere.
  const Score score = score_of({{0, 4, 60}, {4, 4, 64}, {4, 4, 67}, {8, 4, 72}});
  const auto shares = pitch_class_transitions(pitched_notes(score), TempoMap(score));
  ASSERT_TRUE(shares);
  for (std::size_t from = 0; from < 12; ++from) {
    for (std::size_t to = 0; to < 12; ++to) {
      const bool met = (from == 0 && (to == 4 || to == 7)) || ((from == 4 || from == 7) && to == 0);
      EXPECT_NEAR((*shares)[12 * from + to], met ? 0.25 : 0, kClose) << from << " " << to;
    }
  }
}

TEST(Pitch, TransitionsReachLessThanATwentiethOfASecond) {
  // 100 ticks to half a second: 9 ticks are 0.045 s, 10 are 0.05 s and 11 more.
  const auto meet = [](std::int64_t gap) {
    const Score score = score_of({{0, 100, 60}, {100 + gap, 100, 62}}, 100);
    return pitch_class_transitions(pitched_notes(score), TempoMap(score)).has_value();
  };
  EXPECT_TRUE(meet(9));
  EXPECT_TRUE(meet(-9));
  EXPECT_FALSE(meet(11));
  EXPECT_FALSE(meet(-11));
  // A note too short to be left follows itself, as in pretty_midi.
  const Score grace = score_of({{0, 2, 61}}, 100);
  EXPECT_EQ(pitch_class_transitions(pitched_notes(grace), TempoMap(grace))->at(13), 1);
}

TEST(Pitch, ScaleConsistencyIsTheBestOfMajorAndMinor) {
  // C major but for one F sharp in eight notes, and G major would miss the F.
  const auto major =
      notes_of({{0, 4, 60}, {4, 4, 62}, {8, 4, 64}, {12, 4, 65}, {16, 4, 66}, {20, 4, 67}, {24, 4, 69}, {28, 4, 71}});
  EXPECT_NEAR(*scale_consistency(major), 7.0 / 8, kClose);
  // All twelve: any scale has seven.
  std::vector<Note> chromatic;
  for (int i = 0; i < 12; ++i) chromatic.push_back({.onset = i, .duration = 1, .pitch = static_cast<std::uint8_t>(i)});
  EXPECT_NEAR(*scale_consistency(chromatic), 7.0 / 12, kClose);
  // A natural minor scale is all in.
  EXPECT_EQ(*scale_consistency(notes_of({{0, 1, 60}, {1, 1, 62}, {2, 1, 63}, {3, 1, 65}, {4, 1, 68}, {5, 1, 70}})), 1);
  EXPECT_EQ(scale_consistency({}), std::nullopt);
}

TEST(Pitch, IntervalsRunThroughChordsFromLowToHigh) {
  // Given out of order: 60 64 67, then 65: 4 + 3 + 2.
  EXPECT_NEAR(*mean_interval(notes_of({{0, 4, 67}, {0, 4, 60}, {0, 4, 64}, {4, 4, 65}})), 3, kClose);
  EXPECT_EQ(mean_interval(notes_of({{0, 4, 60}})), std::nullopt);
}

TEST(PitchClassBins, NotesAreSharedOutAmongTheIntervalsTheyCross) {
  PitchClassBins bins({0, 10, 30, 40});
  bins.add(5, 35, 60);
  bins.add(-5, 5, 62);
  bins.add(30, 40, 64);
  bins.add(50, 60, 65);
  bins.add(3, 3, 66);
  const std::vector<PitchClasses> weights = bins.finish();
  ASSERT_EQ(weights.size(), 3u);
  EXPECT_EQ(weights[0][0], 5);
  EXPECT_EQ(weights[1][0], 20);
  EXPECT_EQ(weights[2][0], 5);
  EXPECT_EQ(weights[0][2], 5);
  EXPECT_EQ(weights[2][4], 10);
  EXPECT_EQ(weights[1][4], 0);
  EXPECT_EQ(weights[2][5], 0);
  EXPECT_EQ(weights[0][6], 0);
  EXPECT_TRUE(PitchClassBins({}).finish().empty());
}

}  // namespace
}  // namespace polonaise::io
