#include "io/copies/novelty.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "io/data/augment.h"
#include "io/data/synthetic.h"
#include "io/files/splitmix64.h"
#include "tests/io/score_maker.h"

namespace polonaise::io {
namespace {

NoveltyIndex index_of(const std::vector<NamedScore>& corpus) {
  NoveltyIndex index;
  for (const NamedScore& piece : corpus) index.add(piece.name, piece.score);
  return index;
}

// The notes from `first` on, moved to begin at `onset`.
Score excerpt(const Score& score, std::size_t first, std::size_t count, std::int64_t onset) {
  Score part = score;
  const std::int64_t shift = onset - score.notes[first].onset;
  part.notes.assign(score.notes.begin() + static_cast<std::ptrdiff_t>(first),
                    score.notes.begin() + static_cast<std::ptrdiff_t>(first + count));
  for (Note& note : part.notes) note.onset += shift;
  return part;
}

// Other ticks to a quarter, and `factor` times as long notes.
Score stretched(const Score& score, std::int64_t factor, std::int64_t ticks_factor) {
  Score slow = score;
  slow.ticks_per_quarter *= ticks_factor;
  for (Note& note : slow.notes) {
    note.onset *= factor;
    note.duration *= factor;
  }
  slow.time_signatures.clear();
  slow.tempos.clear();
  return slow;
}

void expect_whole(const Copied& copied, const NamedScore& piece) {
  const auto notes = static_cast<std::int64_t>(piece.score.notes.size());
  EXPECT_EQ(copied.longest, notes);
  EXPECT_TRUE(copied.whole);
  EXPECT_EQ(copied.source, piece.name);
  EXPECT_EQ(copied.source_bar, 1);
  EXPECT_EQ(copied.bar, 1);
  for (const double share : copied.share) EXPECT_EQ(share, 1);
  EXPECT_EQ(copied.histogram.back(), notes);
}

TEST(Novelty, ATrainingPieceIsCopiedToTheLastNoteFromItself) {
  const std::vector<NamedScore> corpus = synthetic_corpus(6, 3);
  const NoveltyIndex index = index_of(corpus);
  EXPECT_EQ(index.pieces(), 6);
  for (const NamedScore& piece : corpus) {
    const PieceNovelty found = index.compare(piece.score);
    EXPECT_EQ(found.notes, static_cast<std::int64_t>(piece.score.notes.size()));
    expect_whole(found.exact, piece);
    expect_whole(found.transposed, piece);
  }
}

TEST(Novelty, ATransposedCopyIsFoundAsOne) {
  const std::vector<NamedScore> corpus = synthetic_corpus(4, 5);
  const NoveltyIndex index = index_of(corpus);
  for (const NamedScore& piece : corpus) {
    Warnings warnings;
    const PieceNovelty found = index.compare(transpose(piece.score, -5, warnings));
    expect_whole(found.transposed, piece);
    EXPECT_LT(found.exact.longest, found.notes / 2);
  }
}

TEST(Novelty, ACopyAtAnotherTempoIsFoundAsOne) {
  const std::vector<NamedScore> corpus = synthetic_corpus(3, 6);
  const NoveltyIndex index = index_of(corpus);
  const NamedScore& piece = corpus[1];
  // Tempo events alone change nothing, nor do other ticks; notes of twice the length are another rhythm exactly.
  expect_whole(index.compare(scale_tempo(piece.score, 1.3)).exact, piece);
  expect_whole(index.compare(stretched(piece.score, 3, 3)).exact, piece);
  const PieceNovelty slow = index.compare(stretched(piece.score, 2, 1));
  expect_whole(slow.transposed, piece);
  EXPECT_LT(slow.exact.longest, slow.notes / 2);
  // Played with small errors, in other units.
  Score rough = stretched(piece.score, 3, 2);
  Random random(1);
  for (Note& note : rough.notes) note.onset += static_cast<std::int64_t>(random.below(3));
  expect_whole(index.compare(rough).transposed, piece);
}

TEST(Novelty, APassageIsFoundWithItsPieceAndBars) {
  const std::vector<NamedScore> corpus = synthetic_corpus(5, 8);
  const NoveltyIndex index = index_of(corpus);
  // Of the fourth piece 40 notes from the first of bar 6 on, put into bar 3 of 4/4.
  const Score& source = corpus[3].score;
  const TimeSignature meter = source.time_signatures.at(0);
  const std::int64_t bar = source.ticks_per_quarter * 4 * meter.numerator / meter.denominator;
  std::size_t first = 0;
  while (source.notes[first].onset < 5 * bar) ++first;
  Score piece = excerpt(source, first, 40, 2 * 4 * source.ticks_per_quarter);
  piece.time_signatures.clear();
  const PieceNovelty found = index.compare(piece);
  EXPECT_EQ(found.exact.longest, 40);
  EXPECT_EQ(found.exact.source, corpus[3].name);
  EXPECT_EQ(found.exact.source_bar, 6);
  EXPECT_EQ(found.exact.bar, 3);
  EXPECT_EQ(found.transposed.longest, 40);
}

TEST(Novelty, SharesAndHistogramCountTheNotesInRuns) {
  NoveltyIndex index;
  Score scale = score_of({});
  for (int i = 0; i < 12; ++i) scale.notes.push_back({.onset = 4 * i, .duration = 4, .pitch = 60, .velocity = 64});
  for (int i = 0; i < 12; ++i) scale.notes[static_cast<std::size_t>(i)].pitch = static_cast<std::uint8_t>(40 + i * i);
  index.add("squares", scale);
  // Nine notes of it, then six that are nowhere.
  Score piece = excerpt(scale, 2, 9, 0);
  for (int i = 0; i < 6; ++i) {
    piece.notes.push_back(
        {.onset = 36 + 3 * i, .duration = 3, .pitch = static_cast<std::uint8_t>(20 - i % 2 * 11), .velocity = 64});
  }
  const PieceNovelty found = index.compare(piece);
  EXPECT_EQ(found.notes, 15);
  EXPECT_EQ(found.exact.longest, 9);
  EXPECT_FALSE(found.exact.whole);
  EXPECT_EQ(found.exact.source_bar, 1);
  EXPECT_EQ(found.exact.bar, 1);
  EXPECT_DOUBLE_EQ(found.exact.share[0], 9.0 / 15);
  EXPECT_EQ(found.exact.share[1], 0);
  const std::array<std::int64_t, 8> histogram = {6, 0, 9, 0, 0, 0, 0, 0};
  EXPECT_EQ(found.exact.histogram, histogram);
}

TEST(Novelty, OfRunsAsLongTheOneThatIsAWholeTrainingPieceIsNamedThenAnExactOne) {
  const std::vector<NamedScore> corpus = synthetic_corpus(2, 8);
  const Score part = excerpt(corpus[0].score, 20, 6, 480), cut = excerpt(corpus[0].score, 20, 5, 480);
  Warnings warnings;
  const Score up = transpose(part, 3, warnings);
  NoveltyIndex index;
  index.add("longer", corpus[0].score);
  index.add("part up", up);
  index.add("part", part);
  // Six notes are too few for the shares; that they are all of the piece is said.
  const PieceNovelty found = index.compare(part);
  EXPECT_EQ(found.exact.longest, 6);
  EXPECT_TRUE(found.exact.whole);
  EXPECT_EQ(found.exact.share[0], 0);
  EXPECT_EQ(found.exact.source, "part");
  EXPECT_EQ(found.exact.source_bar, 1);
  EXPECT_EQ(found.transposed.source, "part");
  EXPECT_EQ(index.compare(up).transposed.source, "part up");
  EXPECT_EQ(index.compare(transpose(part, 5, warnings)).transposed.source, "part up");
  EXPECT_EQ(index.compare(cut).exact.source, "longer") << "which is first of those that have it, and none is it";
  EXPECT_TRUE(index.compare(cut).exact.whole);
}

TEST(Novelty, NotesOfAChordAreComparedFromLowToHighHoweverTheyAreSpread) {
  NoveltyIndex index;
  index.add("chords", score_of({{0, 48, 60}, {0, 48, 64}, {0, 48, 67}, {48, 48, 62}, {48, 48, 65}}, 48));
  // Less than a 24th of a quarter apart, from above.
  const PieceNovelty found =
      index.compare(score_of({{0, 48, 67}, {1, 48, 60}, {1, 48, 64}, {48, 48, 65}, {49, 48, 62}}, 48));
  EXPECT_EQ(found.exact.longest, 5);
}

TEST(Novelty, ExactRunsCountAsTransposedOnesToo) {
  const std::vector<NamedScore> corpus = synthetic_corpus(3, 9);
  const NoveltyIndex index = index_of(corpus);
  const PieceNovelty found = index.compare(excerpt(corpus[2].score, 33, 20, 480));
  EXPECT_EQ(found.exact.longest, 20);
  EXPECT_GE(found.transposed.longest, 20);
  for (std::size_t i = 0; i < found.exact.share.size(); ++i) EXPECT_GE(found.transposed.share[i], found.exact.share[i]);
}

TEST(Novelty, AnOpeningIsNotCountedAsCopied) {
  const std::vector<NamedScore> corpus = synthetic_corpus(3, 9);
  const NoveltyIndex index = index_of(corpus);
  // The beginning of a training piece, its last chord being what was drawn.
  Score sample = excerpt(corpus[1].score, 0, 42, 0);
  EXPECT_EQ(index.compare(sample).exact.longest, 42);
  sample.continuation = sample.notes.back().onset;
  const auto drawn = std::ranges::count(sample.notes, *sample.continuation, &Note::onset);
  ASSERT_LT(drawn, 8);
  const PieceNovelty found = index.compare(sample);
  EXPECT_EQ(found.notes, drawn);
  EXPECT_LE(found.transposed.longest, drawn);
  EXPECT_EQ(found.transposed.share[0], 0);
  // A training piece is one whole, whatever its marker.
  NoveltyIndex marked;
  marked.add("sample", sample);
  EXPECT_EQ(marked.notes(), 42);
}

TEST(Novelty, BarsAreThoseOfThePieceWithItsOpening) {
  NoveltyIndex index;
  index.add("scale", score_of({{0, 4, 60}, {4, 4, 62}, {8, 4, 64}, {12, 4, 65}}));
  Score sample = score_of({{0, 16, 48}, {16, 16, 50}, {40, 4, 60}, {44, 4, 62}, {48, 4, 64}, {52, 4, 65}});
  sample.continuation = 20;
  const PieceNovelty found = index.compare(sample);
  EXPECT_EQ(found.exact.longest, 4);
  EXPECT_TRUE(found.exact.whole);
  EXPECT_EQ(found.exact.bar, 3);
  EXPECT_EQ(found.exact.source_bar, 1);
}

TEST(Novelty, PercussionIsNotCompared) {
  NoveltyIndex index;
  index.add("drums", score_of({{0, 4, 36, 9}, {4, 4, 38, 9}, {8, 4, 36, 9}}));
  EXPECT_EQ(index.notes(), 0);
  EXPECT_EQ(index.compare(score_of({{0, 4, 36}, {4, 4, 38}, {8, 4, 36}})).exact.longest, 0);
}

TEST(Novelty, PiecesOfNoNoteOrOneAreNoCopies) {
  NoveltyIndex index;
  index.add("one", score_of({{0, 4, 60}}));
  index.add("none", score_of({}));
  EXPECT_EQ(index.pieces(), 2);
  EXPECT_EQ(index.notes(), 1);
  for (const Score& piece : {score_of({}), score_of({{0, 4, 60}})}) {
    const PieceNovelty found = index.compare(piece);
    EXPECT_EQ(found.notes, static_cast<std::int64_t>(piece.notes.size()));
    EXPECT_EQ(found.transposed.longest, 0);
    EXPECT_EQ(found.transposed.share[0], 0);
    EXPECT_EQ(found.transposed.histogram[0], found.notes);
  }
  // Nor are longer ones, where nothing was trained on.
  EXPECT_EQ(index.compare(score_of({{0, 4, 60}, {4, 4, 62}})).transposed.longest, 0);
}

}  // namespace
}  // namespace polonaise::io
