#include "io/encodings/parts/articulation.h"

#include <gtest/gtest.h>

#include "io/encodings/parts/controls.h"
#include "io/encodings/parts/lengths.h"

namespace polonaise::io {
namespace {

std::int64_t any_length(std::int64_t length) {
  return length;
}

std::int64_t table_length(std::int64_t length) {
  return length_of(nearest_length(length));
}

// One note that lasts `length` of the `gap` to the next; the second is where a decoder ends it.
void expect_same_again(std::int64_t length, std::int64_t gap, const auto& writable) {
  LossReport report;
  const auto written = [&](std::int64_t sounding) {
    std::vector<GridNote> notes = {{0, sounding, 60, 80}, {gap, gap + 1, 62, 80}};
    const int articulation = articulate(notes, kLongestLength, writable, report)[0];
    return std::pair(notes[0].length(), articulation);
  };
  const auto once = written(length);
  const std::int64_t sounds = writable(sounding_length(once.first, once.second));
  EXPECT_EQ(written(sounds), once) << length << " of " << gap;
  EXPECT_LE(std::abs(sounds - length), 1 + gap / 7) << length << " of " << gap;
}

TEST(Articulation, WhatWasDecodedIsNotatedAsBefore) {
  for (std::int64_t gap = 1; gap <= 200; ++gap) {
    for (std::int64_t length = 1; length <= gap + 1; ++length) {
      expect_same_again(length, gap, any_length);
      expect_same_again(table_length(length), gap, table_length);
    }
  }
}

TEST(Articulation, ClassesBeginAtThreeFiveAndSevenEighths) {
  LossReport report;
  std::vector<std::pair<std::int64_t, int>> written;
  for (const std::int64_t length : {299, 300, 499, 500, 699, 700, 800}) {
    std::vector<GridNote> notes = {{0, length, 60, 80}, {800, 801, 62, 80}};
    const int articulation = articulate(notes, 1000, any_length, report)[0];
    written.emplace_back(notes[0].length(), articulation);
  }
  EXPECT_EQ(written, (std::vector<std::pair<std::int64_t, int>>{
                         {299, kLegato}, {800, 0}, {800, 0}, {800, 1}, {800, 1}, {800, kLegato}, {800, kLegato}}));
}

TEST(Articulation, ANoteThatBeginsWithinTheClassKeepsTheLengthAsItIs) {
  LossReport report;
  // Staccato would end the first note at 50, before the onset at 52 that it sounded through.
  std::vector<GridNote> notes = {{0, 55, 60, 80}, {52, 53, 64, 80}, {100, 101, 62, 80}};
  EXPECT_EQ(articulate(notes, 1000, any_length, report)[0], kLegato);
  EXPECT_EQ(notes[0].length(), 55);
}

TEST(Tempos, ClassesAreSevenPercentApartWithOneAt120) {
  EXPECT_EQ(class_microseconds(kFirstTempo), 500000U);
  for (int tempo = 0; tempo < kTempos; ++tempo) EXPECT_EQ(tempo_class(class_microseconds(tempo)), tempo);
  EXPECT_EQ(tempo_class(1), kTempos - 1);
  EXPECT_EQ(tempo_class(0xFFFFFFFF), 0);
}

}  // namespace
}  // namespace polonaise::io
