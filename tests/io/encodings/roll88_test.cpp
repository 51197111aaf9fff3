#include <gtest/gtest.h>

#include "io/encodings/encoding.h"

namespace polonaise::io {
namespace {

std::vector<std::vector<int>> frames_of(const Events& events) {
  std::vector<std::vector<int>> frames;
  for (std::int64_t i = 0; i < events.size(); ++i) {
    const auto frame = events.view().frame(i);
    frames.emplace_back(frame.begin(), frame.end());
  }
  return frames;
}

TEST(Roll88, FramesHoldTheKeysThatSound) {
  Score score;
  score.ticks_per_quarter = 100;
  score.notes = {{0, 100, 60, 80, 0, 0, 0}, {50, 50, 64, 80, 0, 0, 0}, {150, 50, 21, 80, 0, 0, 0}};
  LossReport report;
  const Events events = make_encoding("roll88", {2})->encode(score, report);
  EXPECT_EQ(frames_of(events), (std::vector<std::vector<int>>{{39}, {39, 43}, {}, {0}}));
  EXPECT_TRUE(report.losses.empty());
}

TEST(Roll88, RoundsToTheGridOfTheScoreNotOfTheFirstNote) {
  Score score;
  score.ticks_per_quarter = 100;
  score.notes = {{90, 10, 60, 80, 0, 0, 0}, {200, 100, 62, 80, 0, 0, 0}};
  LossReport report;
  const Events events = make_encoding("roll88", {1})->encode(score, report);
  EXPECT_EQ(frames_of(events), (std::vector<std::vector<int>>{{39}, {41}}));
  ASSERT_EQ(report.losses.entries().size(), 1U);
  EXPECT_EQ(report.losses.entries()[0].kind, "notes moved to the grid");
  EXPECT_EQ(report.losses.entries()[0].count, 1);
}

TEST(Roll88, NotesThatMeetOnAKeyBecomeOne) {
  Score score;
  score.ticks_per_quarter = 4;
  score.notes = {{0, 2, 60, 80, 0, 0, 0}, {2, 1, 60, 80, 0, 0, 0}, {4, 1, 60, 80, 0, 0, 0}};
  LossReport report;
  const auto encoding = make_encoding("roll88");
  const Score back = encoding->decode(encoding->encode(score, report).view());
  ASSERT_EQ(back.notes.size(), 2U);
  EXPECT_EQ(back.ticks_per_quarter, 480);
  EXPECT_EQ(back.notes[0].duration, 360);
  EXPECT_EQ(back.notes[1].onset, 480);
  EXPECT_EQ(report.losses.entries()[0].kind, "notes joined to one before on the same key");
}

}  // namespace
}  // namespace polonaise::io
