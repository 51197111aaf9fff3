#include <gtest/gtest.h>

#include <algorithm>

#include "io/encodings/encoding.h"
#include "io/encodings/parts/lengths.h"

namespace polonaise::io {
namespace {

constexpr int kPitch = -21;  // + key
constexpr int kVelocity = 88;
constexpr int kLength = 119;  // + 1/48 quarters, up to a quarter
constexpr int kShift = 239;

Score quarters(std::vector<Note> notes) {
  Score score;
  score.ticks_per_quarter = 48;
  score.notes = std::move(notes);
  return score;
}

std::vector<int> tokens_of(const Score& score, const EncodingOptions& options = {}) {
  LossReport report;
  const Events events = make_encoding("tsd", options)->encode(score, report);
  return {events.tokens.begin(), events.tokens.end()};
}

Score decode(const std::vector<int>& tokens, const EncodingOptions& options = {}) {
  Events events(EventKind::tokens);
  for (const int token : tokens) events.push_token(token);
  return make_encoding("tsd", options)->decode(events.view());
}

std::int64_t lost(const Score& score, std::string_view kind) {
  LossReport report;
  make_encoding("tsd")->encode(score, report);
  for (const auto& [name, count] : report.losses.entries()) {
    if (name == kind) return count;
  }
  return 0;
}

TEST(Tsd, ANoteIsPitchVelocityLengthAndChordsAreUpwards) {
  const Score score = quarters({{0, 48, 64, 80, 0, 0, 0}, {0, 24, 60, 80, 0, 0, 0}, {48, 12, 62, 20, 0, 0, 0}});
  EXPECT_EQ(tokens_of(score), (std::vector<int>{kPitch + 60, kVelocity + 19, kLength + 24, kPitch + 64, kVelocity + 19,
                                                kLength + 48, kShift + 48, kPitch + 62, kVelocity + 4, kLength + 12}));
}

TEST(Tsd, LengthsReachSixteenQuartersInGrowingSteps) {
  EXPECT_EQ(kLengthTable.front(), 1);
  EXPECT_EQ(kLengthTable.back(), 16 * 48);
  EXPECT_TRUE(std::ranges::is_sorted(kLengthTable, std::less_equal<>{}));
  for (const int notation :
       {3, 4, 6, 8, 9, 12, 16, 18, 24, 32, 36, 48, 64, 72, 96, 128, 144, 192, 288, 384, 576, 768}) {
    EXPECT_EQ(length_of(nearest_length(notation)), notation);
  }
  EXPECT_EQ(length_of(nearest_length(49)), 48) << "the shorter one of two equally near";
  EXPECT_EQ(length_of(nearest_length(99)), 100);
  EXPECT_EQ(length_of(nearest_length(0)), 1);
  EXPECT_EQ(length_of(nearest_length(1 << 30)), 768);
  EXPECT_EQ(length_of(length_within(99)), 96);
}

TEST(Tsd, TimesOfAnyLengthAreExactSumsOfShifts) {
  EXPECT_EQ(tokens_of(quarters({{0, 1, 60, 1, 0, 0, 0}, {203, 1, 60, 1, 0, 0, 0}})),
            (std::vector<int>{kPitch + 60, kVelocity, kLength + 1, 240 + nearest_length(192), kShift + 11, kPitch + 60,
                              kVelocity, kLength + 1}));
  for (int onset = 1; onset < 2000; ++onset) {
    const Score back = decode(tokens_of(quarters({{0, 1, 60, 1, 0, 0, 0}, {onset, 1, 62, 1, 0, 0, 0}})));
    ASSERT_EQ(back.notes.at(1).onset, 10 * onset);
  }
}

TEST(Tsd, ALengthEndsBeforeItsKeyIsStruckAgain) {
  const Score score = quarters({{0, 99, 60, 80, 0, 0, 0}, {99, 48, 60, 80, 0, 0, 0}});
  EXPECT_EQ(decode(tokens_of(score)).notes.at(0).duration, 960);
  EXPECT_EQ(lost(score, "lengths rounded"), 1);
}

TEST(Tsd, LossesAreCountedByKind) {
  EXPECT_EQ(lost(quarters({{0, 40000, 60, 80, 0, 0, 0}}), "lengths rounded"), 1);
  EXPECT_EQ(lost(quarters({{0, 48, 20, 80, 0, 0, 0}, {0, 48, 109, 80, 0, 0, 0}}), "notes out of range dropped"), 2);
  Score fine = quarters({{1, 480, 60, 80, 0, 0, 0}});
  fine.ticks_per_quarter = 480;
  EXPECT_EQ(lost(fine, "notes moved to the grid"), 1);
}

TEST(Tsd, DecodingMakesSenseOfAnyOrder) {
  EXPECT_TRUE(decode({kPitch + 60, kVelocity + 31, kShift + 1}).notes.empty()) << "no length";
  EXPECT_TRUE(decode({kLength + 48, kVelocity}).notes.empty()) << "no pitch";
  const Score bare = decode({kPitch + 60, kLength + 48});
  EXPECT_EQ(bare.notes.at(0).velocity, 64);
  const Score again = decode({kPitch + 60, kLength + 48, kShift + 12, kPitch + 60, kLength + 48});
  EXPECT_EQ(again.notes.at(0).duration, 120);
  EXPECT_EQ(again.notes.at(1).duration, 480);
}

TEST(Tsd, ALastShiftIsTheEnd) {
  EXPECT_EQ(decode({kPitch + 60, kLength + 48, kShift + 12}).notes.at(0).duration, 120);
  EXPECT_EQ(decode({kPitch + 60, kLength + 48, kShift + 12, kVelocity}).notes.at(0).duration, 480);
}

TEST(Tsd, PedalAndTempoStandBeforeTheNotesOfTheirTime) {
  Score score = quarters({{0, 24, 60, 80, 0, 0, 0}, {48, 24, 62, 80, 0, 0, 0}});
  score.tempos = {{0, 500000}, {48, 1000000}};
  score.pedals = {{0, 0, true}, {48, 0, false}, {48, 0, true}, {96, 0, false}};
  const EncodingOptions options{.tokens = {"pedal", "tempo"}};
  const std::vector<int> tokens = tokens_of(score, options);
  EXPECT_EQ(tokens, (std::vector<int>{362 + 26, 360, kPitch + 60, kVelocity + 19, kLength + 24, kShift + 48, 362 + 16,
                                      361, 360, kPitch + 62, kVelocity + 19, kLength + 24, kShift + 48, 361}));
  const Score back = decode(tokens, options);
  EXPECT_EQ(back.tempos, (std::vector<Tempo>{{0, 500000}, {480, 1000000}}));
  EXPECT_EQ(back.pedals, (std::vector<Pedal>{{0, 0, true}, {480, 0, false}, {480, 0, true}, {960, 0, false}}));
  EXPECT_EQ(back.notes.at(0).duration, 240) << "the key's length, not the pedal's";
  EXPECT_EQ(decode(tokens_of(score)).notes.at(0).duration, 480) << "without the tokens the pedal's";
}

TEST(Tsd, ArticulationIsTheSoundingShareOfTheTimeToTheNextOnset) {
  const EncodingOptions options{.tokens = {"articulation"}};
  // Staccato, normal and legato quarters, then a note with a rest behind it.
  const Score score = quarters({{0, 20, 60, 80, 0, 0, 0},
                                {48, 38, 62, 80, 0, 0, 0},
                                {96, 47, 64, 80, 0, 0, 0},
                                {144, 12, 65, 80, 0, 0, 0},
                                {192, 48, 67, 80, 0, 0, 0}});
  const std::vector<int> tokens = tokens_of(score, options);
  std::vector<std::pair<int, int>> written;  // articulation and length of each note
  for (std::size_t i = 2; i < tokens.size(); i += 5) written.emplace_back(tokens[i] - 360, tokens[i + 1] - kLength);
  EXPECT_EQ(written, (std::vector<std::pair<int, int>>{{0, 48}, {1, 48}, {2, 48}, {2, 12}, {2, 48}}));
  std::vector<std::int64_t> lengths;
  for (const Note& note : decode(tokens, options).notes) lengths.push_back(note.duration / 10);
  EXPECT_EQ(lengths, (std::vector<std::int64_t>{24, 36, 48, 12, 48}));
}

}  // namespace
}  // namespace polonaise::io
