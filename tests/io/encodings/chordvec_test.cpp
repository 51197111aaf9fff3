#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "io/encodings/encoding.h"

namespace polonaise::io {
namespace {

constexpr std::int64_t kQuarter = 480;

Note note(double onset, double quarters, int pitch) {
  return {
      std::llround(onset * kQuarter), std::llround(quarters * kQuarter), static_cast<std::uint8_t>(pitch), 80, 0, 0, 0};
}

struct Encoded {
  Events events{EventKind::frames};
  LossReport report;

  std::vector<int> keys(std::int64_t i) const {
    const auto frame = events.view().frame(i);
    return {frame.begin(), frame.end()};
  }
  std::int64_t lost(std::string_view kind) const {
    for (const auto& [name, count] : report.losses.entries()) {
      if (name == kind) return count;
    }
    return 0;
  }
};

Encoded encode(std::string_view encoding, std::vector<Note> notes) {
  Score score;
  score.notes = std::move(notes);
  Encoded result;
  result.events = make_encoding(encoding)->encode(score, result.report);
  return result;
}

TEST(ChordVec, MiddleCAndAAreColumns39And48) {
  const Encoded chord = encode("chordvec", {note(0, 1, 60), note(0, 1, 69)});
  EXPECT_EQ(chord.keys(0), (std::vector<int>{39, 48}));
  EXPECT_EQ(make_encoding("chordvec")->shape().width, 107);
}

TEST(ChordVec, LiteralPutsThemInColumns38And47) {
  const Encoded chord = encode("chordvec-literal", {note(0, 1, 60), note(0, 1, 69)});
  EXPECT_EQ(chord.keys(0), (std::vector<int>{38, 47}));
}

TEST(ChordVec, LosesG9AndLiteralLosesA0) {
  const std::vector<Note> ends = {note(0, 1, 21), note(0, 1, 126), note(0, 1, 127)};
  const Encoded repaired = encode("chordvec", ends);
  EXPECT_EQ(repaired.keys(0), (std::vector<int>{0, 105}));
  EXPECT_EQ(repaired.lost("notes out of range dropped"), 1);
  const Encoded literal = encode("chordvec-literal", ends);
  EXPECT_EQ(literal.keys(0), (std::vector<int>{104, 105}));
  EXPECT_EQ(literal.lost("notes out of range dropped"), 1);
}

TEST(ChordVec, LengthEntersAsLogAndLiterallyAsItIs) {
  EXPECT_FLOAT_EQ(duration_value(make_encoding("chordvec")->shape().duration_input, 3), 2);
  EXPECT_FLOAT_EQ(duration_value(make_encoding("chordvec-literal")->shape().duration_input, 3), 3);
}

TEST(ChordVec, RestsAreFramesWithoutKeys) {
  const Encoded rest = encode("chordvec", {note(0, 0.5, 60), note(2, 1, 62)});
  ASSERT_EQ(rest.events.size(), 3);
  EXPECT_TRUE(rest.keys(1).empty());
  EXPECT_FLOAT_EQ(rest.events.quarters[1], 1.5);
  EXPECT_EQ(rest.report.representable_steps, 2);
  const Encoded literal = encode("chordvec-literal", {note(0, 0.5, 60), note(2, 1, 62)});
  EXPECT_EQ(literal.events.size(), 2);
  EXPECT_EQ(literal.lost("rests dropped"), 1);
  EXPECT_EQ(literal.report.representable_steps, 1);
}

TEST(ChordVec, AHeldNoteIsCutAtTheNextChordSoThatTimeIsKept) {
  const std::vector<Note> held = {note(0, 4, 48), note(0, 1, 60), note(1, 1, 62), note(2, 1, 64)};
  const Encoded cut = encode("chordvec", held);
  EXPECT_FLOAT_EQ(cut.events.quarters[0], 1);
  EXPECT_EQ(cut.lost("notes cut at the next chord"), 1);
  EXPECT_EQ(cut.report.steps, 3);
  EXPECT_EQ(cut.report.representable_steps, 2);
  const Score back = make_encoding("chordvec")->decode(cut.events.view());
  EXPECT_EQ(back.notes[2].onset, kQuarter);
  const Encoded literal = encode("chordvec-literal", held);
  EXPECT_FLOAT_EQ(literal.events.quarters[0], 4);
  EXPECT_EQ(literal.lost("chords that delay the next"), 1);
}

TEST(ChordVec, AChordIsWhatBeginsWithinLessThanAFortyEighth) {
  Score score;
  score.notes = {note(0, 1, 60), note(0, 1, 64), note(1, 1, 62)};
  score.notes[1].onset = 9;
  LossReport report;
  EXPECT_EQ(make_encoding("chordvec")->encode(score, report).size(), 2);
  EXPECT_EQ(report.representable_steps, 1);
  score.notes[1].onset = 10;
  EXPECT_EQ(make_encoding("chordvec")->encode(score, report).size(), 3);
}

TEST(ChordVec, EndsATickEarlyAreNoRests) {
  Score score;
  score.notes = {{0, 479, 60, 80, 0, 0, 0}, {480, 479, 62, 80, 0, 0, 0}};
  LossReport report;
  const Events events = make_encoding("chordvec")->encode(score, report);
  ASSERT_EQ(events.size(), 2);
  EXPECT_FLOAT_EQ(events.quarters[0], 1);
  EXPECT_TRUE(report.losses.empty());
}

TEST(ChordVec, LengthsStayWithinTheClasses) {
  const Encoded ends = encode("chordvec", {note(0, 0, 60), note(1, 40, 62)});
  ASSERT_EQ(ends.events.size(), 3);
  EXPECT_FLOAT_EQ(ends.events.quarters[0], 1.0F / 48);
  EXPECT_FLOAT_EQ(ends.events.quarters[2], 16);
  EXPECT_EQ(ends.events.classes[2], 23);
  EXPECT_EQ(ends.lost("chords and rests over 16 quarters shortened"), 1);
}

TEST(ChordVec, DoubledNotesCountOnce) {
  const Encoded doubled = encode("chordvec", {note(0, 1, 60), note(0, 1, 60)});
  EXPECT_EQ(doubled.keys(0), std::vector<int>{39});
  EXPECT_EQ(doubled.lost("doubled notes merged"), 1);
}

}  // namespace
}  // namespace polonaise::io
