#include <gtest/gtest.h>

#include "io/encodings/encoding.h"

namespace polonaise::io {
namespace {

constexpr int kOff = 128;
constexpr int kShift = 255;  // + number of 10 ms steps
constexpr int kVelocity = 356;

std::vector<int> tokens_of(const Score& score, const EncodingOptions& options = {}) {
  LossReport report;
  const Events events = make_encoding("perf", options)->encode(score, report);
  return {events.tokens.begin(), events.tokens.end()};
}

Score decode(const std::vector<int>& tokens, const EncodingOptions& options = {}) {
  Events events(EventKind::tokens);
  for (const int token : tokens) events.push_token(token);
  return make_encoding("perf", options)->decode(events.view());
}

Score milliseconds(std::vector<Note> notes) {
  Score score;
  score.ticks_per_quarter = 500;
  score.notes = std::move(notes);
  return score;
}

TEST(Perf, OffsStandBeforeOnsAndAVelocityBeforeItsNote) {
  const Score score =
      milliseconds({{0, 500, 60, 80, 0, 0, 0}, {0, 1230, 64, 80, 0, 0, 0}, {500, 730, 62, 20, 0, 0, 0}});
  EXPECT_EQ(tokens_of(score), (std::vector<int>{kVelocity + 19, 60, 64, kShift + 50, kOff + 60, kVelocity + 4, 62,
                                                kShift + 73, kOff + 64, kOff + 62}));
}

TEST(Perf, LongTimesAreSeveralShifts) {
  const Score score = milliseconds({{0, 2340, 60, 1, 0, 0, 0}});
  EXPECT_EQ(tokens_of(score), (std::vector<int>{kVelocity, 60, kShift + 100, kShift + 100, kShift + 34, kOff + 60}));
}

TEST(Perf, TimeFollowsTheTempos) {
  Score score;
  score.ticks_per_quarter = 480;
  score.tempos = {{0, 1000000}, {480, 250000}};
  score.notes = {{0, 960, 60, 1, 0, 0, 0}};
  EXPECT_EQ(tokens_of(score), (std::vector<int>{kVelocity, 60, kShift + 100, kShift + 25, kOff + 60}));
}

TEST(Perf, ThePedalHoldsNotes) {
  Score score = milliseconds({{0, 100, 60, 1, 0, 0, 0}, {1000, 100, 62, 1, 0, 0, 0}});
  score.pedals = {{50, 0, true}, {700, 0, false}};
  EXPECT_EQ(tokens_of(score),
            (std::vector<int>{kVelocity, 60, kShift + 70, kOff + 60, kShift + 30, 62, kShift + 10, kOff + 62}));
}

TEST(Perf, AKeyStruckAgainEndsFirst) {
  Score score = milliseconds({{0, 1000, 60, 1, 0, 0, 0}, {500, 1000, 60, 1, 0, 0, 1}});
  LossReport report;
  const auto encoding = make_encoding("perf");
  const Score back = encoding->decode(encoding->encode(score, report).view());
  ASSERT_EQ(back.notes.size(), 2U);
  EXPECT_EQ(back.notes[0].duration, 500);
  EXPECT_EQ(report.losses.entries()[0].kind, "notes cut where their key is struck again");
}

TEST(Perf, DecodingMakesSenseOfAnyOrder) {
  EXPECT_TRUE(decode({kOff + 60, kShift + 5, kVelocity + 31}).notes.empty());
  EXPECT_TRUE(decode({60, kOff + 60}).notes.empty());
  const Score hanging = decode({60, kShift + 100});
  ASSERT_EQ(hanging.notes.size(), 1U);
  EXPECT_EQ(hanging.notes[0].duration, 1000);
  EXPECT_EQ(hanging.notes[0].velocity, 64);
  const Score last = decode({kVelocity + 31, kShift + 1, 60});
  ASSERT_EQ(last.notes.size(), 1U);
  EXPECT_EQ(last.notes[0].onset, 10);
  EXPECT_EQ(last.notes[0].duration, 10);
  EXPECT_EQ(last.notes[0].velocity, 127);
}

TEST(Perf, VelocitiesComeBackWithinTwo) {
  const auto encoding = make_encoding("perf");
  for (int velocity = 1; velocity <= 127; ++velocity) {
    LossReport report;
    const Score score = milliseconds({{0, 100, 60, static_cast<std::uint8_t>(velocity), 0, 0, 0}});
    const Score back = encoding->decode(encoding->encode(score, report).view());
    EXPECT_NEAR(back.notes.at(0).velocity, velocity, 2);
  }
}

TEST(Perf, PedalTokensLeaveLengthsToTheKeys) {
  Score score = milliseconds({{0, 100, 60, 1, 0, 0, 0}, {1000, 100, 62, 1, 0, 0, 0}});
  score.pedals = {{50, 0, true}, {700, 0, false}, {1000, 0, true}, {5000, 0, false}, {6000, 0, true}};
  const EncodingOptions pedal{.tokens = {"pedal"}};
  const std::vector<int> tokens = tokens_of(score, pedal);
  EXPECT_EQ(tokens,
            (std::vector<int>{kVelocity, 60, kShift + 5, 388, kShift + 5, kOff + 60, kShift + 60, 389, kShift + 30, 388,
                              62, kShift + 10, kOff + 62, kShift + 100, kShift + 100, kShift + 100, kShift + 90, 389}))
      << "behind the last note only the pedal's lift";
  const Score back = decode(tokens, pedal);
  EXPECT_EQ(back.pedals, (std::vector<Pedal>{{50, 0, true}, {700, 0, false}, {1000, 0, true}, {5000, 0, false}}));
  EXPECT_EQ(back.notes, (std::vector<Note>{{0, 100, 60, 3, 0, 0, 0}, {1000, 100, 62, 3, 0, 0, 0}}));
}

TEST(Perf, ThePedalIsOneForAllChannels) {
  Score score = milliseconds({{0, 5000, 60, 1, 0, 0, 0}});
  score.pedals = {{100, 0, true}, {100, 1, true}, {200, 0, false}, {300, 1, false}, {300, 9, true}, {400, 1, false}};
  LossReport report;
  const auto encoding = make_encoding("perf", {.tokens = {"pedal"}});
  const Score back = encoding->decode(encoding->encode(score, report).view());
  EXPECT_EQ(back.pedals, (std::vector<Pedal>{{100, 0, true}, {300, 0, false}}));
  ASSERT_EQ(report.losses.entries().size(), 1U);
  EXPECT_EQ(report.losses.entries()[0].count, 1) << "the lift at 200";
}

TEST(Perf, TempoTokensPlaceTheQuartersAndLeaveTimeAsItIs) {
  Score score;
  score.ticks_per_quarter = 480;
  score.tempos = {{0, 1000000}, {480, 250000}};
  score.notes = {{0, 960, 60, 1, 0, 0, 0}};
  const EncodingOptions tempo{.tokens = {"tempo"}};
  const std::vector<int> tokens = tokens_of(score, tempo);
  EXPECT_EQ(tokens, (std::vector<int>{388 + 16, kVelocity, 60, kShift + 100, 388 + 36, kShift + 25, kOff + 60}));
  const Score back = decode(tokens, tempo);
  EXPECT_EQ(back.ticks_per_quarter, 960);
  EXPECT_EQ(back.tempos, (std::vector<Tempo>{{0, 1000000}, {960, 250000}}));
  EXPECT_EQ(back.notes.at(0).duration, 1920);
}

TEST(Perf, ArticulationPutsOffsAtNotatedEnds) {
  const EncodingOptions articulation{.tokens = {"articulation"}};
  const Score score =
      milliseconds({{0, 200, 60, 80, 0, 0, 0}, {500, 490, 62, 80, 0, 0, 0}, {1000, 100, 64, 80, 0, 0, 0}});
  const std::vector<int> tokens = tokens_of(score, articulation);
  EXPECT_EQ(tokens, (std::vector<int>{388, kVelocity + 19, 60, kShift + 50, kOff + 60, 390, 62, kShift + 50, kOff + 62,
                                      64, kShift + 10, kOff + 64}));
  const Score back = decode(tokens, articulation);
  EXPECT_EQ(back.notes.at(0).duration, 250);
  EXPECT_EQ(back.notes.at(1).duration, 500);
  EXPECT_EQ(back.notes.at(2).duration, 100);
}

}  // namespace
}  // namespace polonaise::io
