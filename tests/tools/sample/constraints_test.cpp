#include "tools/sample/constraints.h"

#include <gtest/gtest.h>

namespace polonaise::tools {
namespace {

TEST(Constraints, AKeyIsItsScale) {
  EXPECT_EQ(pitch_classes("C"), 0b101010110101);
  EXPECT_EQ(pitch_classes("C major"), pitch_classes("C"));
  EXPECT_EQ(pitch_classes("A minor"), pitch_classes("C"));
  EXPECT_EQ(pitch_classes("f# minor"), pitch_classes("A major"));
  EXPECT_EQ(pitch_classes("Bb"), pitch_classes("G minor"));
  EXPECT_EQ(pitch_classes("B#"), pitch_classes("C"));
  EXPECT_EQ(pitch_classes("Cb major"), pitch_classes("B major"));
}

TEST(Constraints, AKeyIsAListOfNotes) {
  EXPECT_EQ(pitch_classes("C,E,G"), 1 << 0 | 1 << 4 | 1 << 7);
  EXPECT_EQ(pitch_classes("c, Db,B#"), 1 << 0 | 1 << 1);
}

TEST(Constraints, WhatIsNoKeyIsRefused) {
  for (const char* key : {"H", "C lydian", "C#x", "C,H", ",", "C  E", "major", "1,2"})
    EXPECT_THROW(pitch_classes(key), UsageError) << key;
}

TEST(Constraints, KeysHaveNumbersAndNames) {
  EXPECT_EQ(midi_key("60"), 60);
  EXPECT_EQ(midi_key("C4"), 60);
  EXPECT_EQ(midi_key("a0"), 21);
  EXPECT_EQ(midi_key("Bb-1"), 10);
  EXPECT_EQ(midi_key("B#3"), 60);
  EXPECT_EQ(midi_key("G9"), 127);
  for (const char* key : {"", "128", "-1", "A9", "Cb-1", "C", "H4", "C4x", "C10"})
    EXPECT_THROW(midi_key(key), UsageError) << key;
}

TEST(Constraints, AsAnEncodingIsAsked) {
  const io::GrammarOptions asked_for =
      grammar_options({.key = "C,G", .range = "A0..72", .max_polyphony = 3, .bars = 8});
  EXPECT_EQ(asked_for.pitch_classes, 1 << 0 | 1 << 7);
  EXPECT_EQ(asked_for.lowest, 21);
  EXPECT_EQ(asked_for.highest, 72);
  EXPECT_EQ(asked_for.max_polyphony, 3);
  EXPECT_EQ(asked_for.bars, 8);
  EXPECT_EQ(grammar_options({}).pitch_classes, 0xFFF);
  EXPECT_THROW(grammar_options({.range = "C4"}), UsageError);
  EXPECT_THROW(grammar_options({.range = "C5..C4"}), UsageError);
  EXPECT_THROW(grammar_options({.bars = 1, .seconds = 1}), UsageError);
  EXPECT_THROW(grammar_options({.bars = 1, .grammar = false}), UsageError);
  EXPECT_NO_THROW(grammar_options({.grammar = false}));
}

TEST(Constraints, AreNamedAsTheyWereGiven) {
  EXPECT_TRUE(asked({}).empty());
  EXPECT_EQ(asked({.key = "F# minor", .range = "A0..C8", .max_polyphony = 4, .seconds = 2.5}),
            (std::vector<std::string>{"--key F# minor", "--range A0..C8", "--max-polyphony 4", "--seconds 2.5"}));
}

}  // namespace
}  // namespace polonaise::tools
