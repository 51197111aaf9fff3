#include "io/data/synthetic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "io/data/split.h"
#include "io/encodings/encoding.h"

namespace polonaise::io {
namespace {

TEST(Synthetic, TheSameForTheSameSeedWhateverTheCount) {
  const auto few = synthetic_corpus(3, 5);
  const auto many = synthetic_corpus(10, 5);
  ASSERT_EQ(many.size(), 10U);
  for (std::size_t i = 0; i < few.size(); ++i) {
    EXPECT_EQ(few[i].name, many[i].name);
    EXPECT_EQ(few[i].score.notes, many[i].score.notes);
    EXPECT_EQ(few[i].score.tempos, many[i].score.tempos);
  }
  EXPECT_NE(synthetic_corpus(1, 6)[0].score.notes, few[0].score.notes);
  EXPECT_EQ(few[2].name, "rule-0003");
}

TEST(Synthetic, PiecesAreManyAndNoTwoTheSame) {
  std::set<std::uint64_t> contents;
  std::set<int> meters;
  for (const NamedScore& piece : synthetic_corpus(200, 1)) {
    contents.insert(note_content(piece.score));
    meters.insert(piece.score.time_signatures.at(0).numerator);
  }
  EXPECT_EQ(contents.size(), 200U);
  EXPECT_EQ(meters, (std::set<int>{2, 3, 4}));
}

TEST(Synthetic, PiecesArePianoMusicForTwoHands) {
  for (const NamedScore& piece : synthetic_corpus(100, 2)) {
    const std::vector<Note>& notes = piece.score.notes;
    EXPECT_TRUE(std::ranges::is_sorted(notes, {}, [](const Note& n) { return std::tuple(n.onset, n.pitch, n.track); }));
    EXPECT_GE(notes.size(), 150U);
    const std::int64_t end = 32 * piece.score.time_signatures[0].numerator * piece.score.ticks_per_quarter;
    std::set<int> hands;
    for (const Note& note : notes) {
      EXPECT_GE(note.pitch, 21);
      EXPECT_LE(note.pitch, 108);
      EXPECT_GE(note.onset, 0);
      EXPECT_GT(note.duration, 0);
      EXPECT_LE(note.end(), end);
      hands.insert(note.track);
    }
    EXPECT_EQ(hands, (std::set<int>{0, 1}));
  }
}

TEST(Synthetic, EachPieceEndsWithATriadInRootPosition) {
  for (const NamedScore& piece : synthetic_corpus(50, 3)) {
    const std::int64_t last = piece.score.notes.back().onset;
    std::vector<int> chord;
    for (const Note& note : piece.score.notes) {
      if (note.onset == last && note.track == 1) chord.push_back(note.pitch);
    }
    ASSERT_EQ(chord.size(), 3U);
    EXPECT_EQ(chord[2] - chord[0], 7) << piece.name;
    EXPECT_TRUE(chord[1] - chord[0] == 3 || chord[1] - chord[0] == 4) << piece.name;
  }
}

TEST(Synthetic, EveryEncodingTakesThem) {
  for (const std::string& name : encoding_names()) {
    const auto encoding = make_encoding(name);
    for (const NamedScore& piece : synthetic_corpus(20, 4)) {
      LossReport report;
      const Events events = encoding->encode(piece.score, report);
      EXPECT_GE(events.size(), 64) << name << " " << piece.name;
    }
  }
}

}  // namespace
}  // namespace polonaise::io
