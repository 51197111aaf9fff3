#include "io/baselines/random_notes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/io/score_maker.h"

namespace polonaise::io {
namespace {

Score long_piece() {
  Score score;
  score.ticks_per_quarter = 480;
  for (int i = 0; i < 2000; ++i)
    score.notes.push_back({.onset = 240 * i, .duration = 240, .pitch = 60, .velocity = 64});
  score.tempos = {{0, 400000}};
  score.time_signatures = {{0, 3, 4}};
  score.pedals = {{0, 0, true}};
  return score;
}

TEST(RandomNotes, AreAsManyOverTheSameBars) {
  const Score piece = long_piece(), random = random_notes(piece, 1);
  EXPECT_EQ(random.notes.size(), piece.notes.size());
  EXPECT_EQ(random.tempos, piece.tempos);
  EXPECT_EQ(random.time_signatures, piece.time_signatures);
  EXPECT_TRUE(random.pedals.empty());
  EXPECT_LT(random.notes.back().onset, last_end(piece.notes));
  EXPECT_TRUE(
      std::ranges::is_sorted(random.notes, {}, [](const Note& note) { return std::pair(note.onset, note.pitch); }));
}

TEST(RandomNotes, FillTheirRangesEvenly) {
  const Score random = random_notes(long_piece(), 1);
  const auto [lowest, highest] = std::ranges::minmax(random.notes, {}, &Note::pitch);
  EXPECT_EQ(lowest.pitch, 21);
  EXPECT_EQ(highest.pitch, 108);
  const auto [shortest, longest] = std::ranges::minmax(random.notes, {}, &Note::duration);
  EXPECT_EQ(shortest.duration, 120);
  EXPECT_EQ(longest.duration, 16 * 120);
  double pitch = 0, onset = 0;
  for (const Note& note : random.notes) {
    EXPECT_EQ(note.onset % 120, 0);
    pitch += note.pitch / 2000.0;
    onset += static_cast<double>(note.onset) / 2000.0;
  }
  EXPECT_NEAR(pitch, 64.5, 2);              // 3.5 standard deviations of the mean
  EXPECT_NEAR(onset, 240.0 * 1000, 11000);  // as many
}

TEST(RandomNotes, AreTheSameForOneSeed) {
  EXPECT_EQ(random_notes(long_piece(), 1).notes, random_notes(long_piece(), 1).notes);
  EXPECT_NE(random_notes(long_piece(), 1).notes, random_notes(long_piece(), 2).notes);
}

TEST(RandomNotes, StandForAContinuationAlone) {
  Score piece = long_piece();
  piece.continuation = 240 * 500;
  const Score random = random_notes(piece, 1);
  EXPECT_EQ(random.notes.size(), 1500u);
  EXPECT_EQ(random.continuation, piece.continuation);
  EXPECT_GE(random.notes.front().onset, *piece.continuation);
  EXPECT_LT(random.notes.front().onset, 240 * 510) << "they fill it from its beginning";
  EXPECT_LT(random.notes.back().onset, last_end(piece.notes));
}

TEST(RandomNotes, LeaveOutPercussionAndTakeAnyGrid) {
  const Score random = random_notes(score_of({{0, 0, 60}, {0, 1, 40, 9}}, 1), 1);
  ASSERT_EQ(random.notes.size(), 1u);
  EXPECT_EQ(random.notes[0].onset, 0);
  EXPECT_TRUE(random_notes({}, 1).notes.empty());
}

}  // namespace
}  // namespace polonaise::io
