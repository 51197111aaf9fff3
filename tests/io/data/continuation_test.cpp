#include "io/data/continuation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "io/data/op53_prime.h"
#include "io/metrics/metrics.h"
#include "io/midi/notes.h"
#include "tests/io/encodings/encoding_variants.h"
#include "tests/io/score_maker.h"

namespace polonaise::io {
namespace {

// Six quarters of the Polonaise, in bars of 3/4, and three bars of chords that go on from them.
Score polonaise_and_chords() {
  Score score = op53_prime();
  for (int quarter = 6; quarter < 15; ++quarter) {
    for (const int pitch : {60, 64, 67}) {
      const auto key = static_cast<std::uint8_t>(pitch + quarter % 4);
      score.notes.push_back({quarter * 480, 240, key, 80, 0, 0, 0});
    }
  }
  return score;
}

Events encoded(const Encoding& encoding, const Score& score) {
  LossReport report;
  return encoding.encode(score, report);
}

double quarters(const Score& score, std::int64_t tick) {
  return static_cast<double>(tick) / static_cast<double>(score.ticks_per_quarter);
}

std::ptrdiff_t notes_before(const Score& score, std::int64_t tick) {
  return std::ranges::count_if(score.notes, [&](const Note& note) { return note.onset < tick; });
}

class Continuations : public ::testing::TestWithParam<EncodingVariant> {};

// Where the Polonaise's opening ends, in quarters: after six, at 90 a minute. perf alone counts seconds, as if at 120;
// chordvec-literal has no rests, of which the opening has one of a quarter.
double opening_quarters(const EncodingVariant& variant) {
  if (variant.name == "chordvec-literal") return 5;
  return variant.name == "perf" && std::ranges::count(variant.options.tokens, "tempo") == 0 ? 8 : 6;
}

TEST_P(Continuations, BeginWhereTheOpeningEnds) {
  const auto encoding = GetParam().make();
  const Events opening = encoded(*encoding, op53_prime()), events = encoded(*encoding, polonaise_and_chords());
  ASSERT_TRUE(equal(events.view().slice(0, opening.size()), opening.view()));
  const Score whole = decode_continuation(*encoding, events.view(), opening.size());
  ASSERT_TRUE(whole.continuation);
  EXPECT_NEAR(quarters(whole, *whole.continuation), opening_quarters(GetParam()), 0.07) << "to a tempo's class";
  EXPECT_EQ(notes_before(whole, *whole.continuation), std::ssize(encoding->decode(opening.view()).notes));
}

TEST_P(Continuations, HaveNoneWithoutAnOpening) {
  const auto encoding = GetParam().make();
  const Events events = encoded(*encoding, op53_prime());
  EXPECT_FALSE(decode_continuation(*encoding, events.view(), 0).continuation);
}

// Whatever the opening's length, also in the middle of a chord, its notes lie before the marker.
TEST_P(Continuations, LeaveEveryNoteOfTheOpeningBeforeThem) {
  const auto encoding = GetParam().make();
  const Events events = encoded(*encoding, polonaise_and_chords());
  for (std::int64_t opening = 1; opening < events.size(); ++opening) {
    const Score given = encoding->decode(events.view().slice(0, opening));
    const Score whole = decode_continuation(*encoding, events.view(), opening);
    ASSERT_TRUE(whole.continuation);
    const std::int64_t begin = *whole.continuation;
    EXPECT_GE(notes_before(whole, begin), std::ssize(given.notes)) << opening;
    for (const Note& note : given.notes) EXPECT_LT(note.onset, begin) << opening;
  }
}

TEST_P(Continuations, AreKeptByTheEncoding) {
  const auto encoding = GetParam().make();
  const Events events = encoded(*encoding, polonaise_and_chords());
  const std::int64_t opening = encoded(*encoding, op53_prime()).size();
  const Score whole = decode_continuation(*encoding, events.view(), opening);
  const Score kept = as_kept(*encoding, whole);
  EXPECT_EQ(kept.notes.size(), whole.notes.size());
  ASSERT_TRUE(kept.continuation);
  EXPECT_EQ(notes_before(kept, *kept.continuation), notes_before(whole, *whole.continuation));
  EXPECT_FALSE(as_kept(*encoding, op53_prime()).continuation);
}

TEST_P(Continuations, OfAFileAreReadBackAndStandAlone) {
  const auto encoding = GetParam().make();
  const Events events = encoded(*encoding, polonaise_and_chords());
  const Score whole = decode_continuation(*encoding, events.view(), encoded(*encoding, op53_prime()).size());
  Warnings warnings;
  const Score read = read_score(write_score(whole, "provenance"), warnings, {.strict = true});
  EXPECT_TRUE(warnings.entries().empty());
  EXPECT_EQ(read.continuation, whole.continuation);
  EXPECT_EQ(read.notes, whole.notes);

  const Score drawn = without_opening(read);
  EXPECT_FALSE(drawn.continuation);
  ASSERT_FALSE(drawn.notes.empty());
  EXPECT_EQ(std::ssize(drawn.notes), std::ssize(whole.notes) - notes_before(whole, *whole.continuation));
  EXPECT_EQ(drawn.notes.front().onset, 0) << "the chords follow at once";
  const Score again = read_score(write_score(drawn), warnings, {.strict = true});
  EXPECT_TRUE(warnings.entries().empty());
  EXPECT_EQ(again.notes, drawn.notes);
  EXPECT_EQ(again.tempos, drawn.tempos);
  EXPECT_EQ(again.time_signatures, drawn.time_signatures);
  // Alone it is the same music, which may be encoded again.
  EXPECT_EQ(measure(drawn)[Metric::pitch_class_entropy].front(), measure(whole)[Metric::pitch_class_entropy].front());
  EXPECT_FALSE(encoded(*encoding, drawn).view().empty());
}

INSTANTIATE_TEST_SUITE_P(Encodings, Continuations, ::testing::ValuesIn(encoding_variants()),
                         [](const auto& instance) { return instance.param.label(); });

// A frame of chordvec lasts until the next: a rest that is drawn first is the continuation's.
TEST(Continuation, BeginsWithARestThatWasDrawn) {
  const auto encoding = make_encoding("chordvec");
  Events events(EventKind::frames);
  const std::vector<std::uint8_t> key = {39};
  events.push_frame(key, 1.0F);
  events.push_frame({}, 0.5F);
  events.push_frame(key, 1.0F);
  const Score whole = decode_continuation(*encoding, events.view(), 1);
  EXPECT_EQ(whole.continuation, 480);
  const Score drawn = without_opening(whole);
  ASSERT_EQ(drawn.notes.size(), 1u);
  EXPECT_EQ(drawn.notes[0].onset, 240);
}

TEST(Continuation, LeavesToTheOpeningWhatItHoldsOn) {
  const auto encoding = make_encoding("roll88");
  Events events(EventKind::frames);
  const std::vector<std::uint8_t> held = {39}, both = {39, 43};
  for (int i = 0; i < 4; ++i) events.push_frame(held);
  for (int i = 0; i < 4; ++i) events.push_frame(both);
  const Score whole = decode_continuation(*encoding, events.view(), 4);
  EXPECT_EQ(whole.continuation, 480);
  ASSERT_EQ(whole.notes.size(), 2u);
  EXPECT_EQ(whole.notes[0].duration, 960);
  const Score drawn = without_opening(whole);
  ASSERT_EQ(drawn.notes.size(), 1u);
  EXPECT_EQ(drawn.notes[0].pitch, 64);
  EXPECT_EQ(drawn.notes[0].onset, 0);
}

// In tsd and remi a chord has no end of its own: what is drawn next may be one more note of it.
TEST(Continuation, BeginsWithTheFirstNoteAfterAChordThatDrawingGoesOnWith) {
  const auto encoding = make_encoding("tsd");
  const Score chord = score_of({{0, 4, 60}, {0, 4, 64}, {0, 4, 67}, {2, 2, 72}, {6, 2, 74}});
  const Events events = encoded(*encoding, chord);
  const Events first = encoded(*encoding, score_of({{0, 4, 60}, {0, 4, 64}}));
  const Score whole = decode_continuation(*encoding, events.view(), first.size());
  EXPECT_DOUBLE_EQ(quarters(whole, *whole.continuation), 0.5);
  EXPECT_EQ(notes_before(whole, *whole.continuation), 3);
  const Score alone = decode_continuation(*encoding, first.view(), first.size());
  EXPECT_GT(*alone.continuation, alone.notes.back().onset) << "nothing follows";
}

// A tempo that is drawn at once moves the opening's last chord, which lies between two ticks of the tempo before.
TEST(Continuation, KeepsApartFromAChordThatItsTempoMoves) {
  const auto encoding = make_encoding("perf", {.tokens = {"tempo"}});
  constexpr int kShift = 255, kTempo = 388;  // of one step, of the slowest
  Events events(EventKind::tokens);
  for (const int token : {kTempo, 60, kShift + 7, 62}) events.push_token(token);
  const std::int64_t opening = events.size();
  const std::int64_t alone = encoding->decode(events.view()).notes.back().onset;
  for (const int token : {kTempo + 39, kShift + 50, 64}) events.push_token(token);
  const Score whole = decode_continuation(*encoding, events.view(), opening);
  ASSERT_EQ(whole.notes.size(), 3u);
  EXPECT_GT(whole.notes[1].onset, alone);
  EXPECT_EQ(whole.continuation, whole.notes[2].onset);
}

TEST(Continuation, TakesTempoMeterAndPedalWithIt) {
  Score score = score_of({{0, 4, 60}, {18, 2, 62}, {20, 4, 64}, {30, 2, 65}});
  score.tempos = {{0, 400000}, {12, 300000}, {24, 200000}};
  score.time_signatures = {{0, 3, 4}, {36, 4, 4}};
  score.pedals = {{2, 0, true}, {4, 1, true}, {6, 1, false}, {22, 0, false}};
  score.continuation = 18;
  const Score drawn = without_opening(score);
  ASSERT_EQ(drawn.notes.size(), 3u);
  EXPECT_EQ(drawn.notes[0].onset, 0);
  EXPECT_EQ(drawn.notes[2].onset, 12);
  EXPECT_EQ(drawn.tempos, (std::vector<Tempo>{{0, 300000}, {6, 200000}}));
  // The bar that it begins in is cut short; the others are where they were.
  EXPECT_EQ(drawn.time_signatures, (std::vector<TimeSignature>{{0, 3, 4}, {6, 3, 4}, {18, 4, 4}}));
  EXPECT_EQ(drawn.pedals, (std::vector<Pedal>{{0, 0, true}, {4, 0, false}}));
  score.continuation = 24;
  EXPECT_EQ(without_opening(score).time_signatures, (std::vector<TimeSignature>{{0, 3, 4}, {12, 4, 4}}))
      << "on a bar line none is cut";
  score.continuation = 30;
  EXPECT_EQ(without_opening(score).time_signatures, (std::vector<TimeSignature>{{0, 3, 4}, {6, 4, 4}}));
  EXPECT_EQ(without_opening(score_of({{0, 4, 60}})).notes, score_of({{0, 4, 60}}).notes) << "no continuation";
}

}  // namespace
}  // namespace polonaise::io
