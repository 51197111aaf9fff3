#include "io/metrics/structure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "io/files/splitmix64.h"
#include "io/metrics/pitched.h"
#include "tests/io/score_maker.h"

namespace polonaise::io {
namespace {

constexpr double kClose = 1e-6;

// A matrix of -2 with ones on the diagonal and at these entries and their mirror images.
SelfSimilarity matrix(std::size_t size, const std::vector<std::pair<std::size_t, std::size_t>>& ones) {
  std::vector<float> entries(size * size, -2);
  for (std::size_t i = 0; i < size; ++i) entries[i * size + i] = 1;
  for (const auto& [row, column] : ones) entries[row * size + column] = entries[column * size + row] = 1;
  return {size, entries};
}

TEST(Structure, ASegmentHeardTwiceIsFit) {
  // Frames A B C A B C x: segment ABC has two paths of 3 entries: score (6 - 3) / 6, coverage (6 - 3) / 7.
  const SelfSimilarity likeness = matrix(7, {{0, 3}, {1, 4}, {2, 5}});
  const double score = 0.5, coverage = 3.0 / 7;
  EXPECT_NEAR(fitness(likeness, 0, 3), 2 * score * coverage / (score + coverage), kClose);
  EXPECT_NEAR(fitness(likeness, 3, 3), fitness(likeness, 0, 3), kClose);
  EXPECT_EQ(fitness(likeness, 4, 3), 0) << "what holds the x is heard once";
  EXPECT_EQ(fitness(likeness, 0, 7), 0) << "the whole piece repeats nowhere";
}

TEST(Structure, ASegmentOfOneFrameCountsItsRepetitions) {
  // A A x: score (2 - 1) / 2, coverage (2 - 1) / 3.
  EXPECT_NEAR(fitness(matrix(3, {{0, 1}}), 0, 1), 2 * 0.5 / 3 / (0.5 + 1.0 / 3), kClose);
  EXPECT_EQ(fitness(matrix(3, {{0, 1}}), 2, 1), 0);
  EXPECT_EQ(fitness(matrix(1, {}), 0, 1), 0);
}

TEST(Structure, ARepetitionAtHalfTempoFollowsThePathOfItsSteps) {
  // A B C | A A B B C: rows 3, 5, 7 of the second half, by steps of two rows; 6 entries, 3 + 5 rows of 8.
  const SelfSimilarity likeness = matrix(8, {{0, 3}, {1, 5}, {2, 7}});
  const double score = 0.5, coverage = 5.0 / 8;
  EXPECT_NEAR(fitness(likeness, 0, 3), 2 * score * coverage / (score + coverage), kClose);
}

// The greatest score of all path families over the segment, with entries and covered rows, by trying every one.
double fitness_by_trial(const SelfSimilarity& likeness, std::size_t first, std::size_t length) {
  struct Family {
    double score;
    std::size_t entries, covered;
  };
  const std::size_t rows = likeness.size();
  // The best family in rows row.., with a path that has come to (row, column) since row `begin`.
  std::function<Family(std::size_t)> from;
  std::function<Family(std::size_t, std::size_t, std::size_t)> on_path = [&](std::size_t row, std::size_t column,
                                                                             std::size_t begin) -> Family {
    const double entry = likeness.row(row)[first + column];
    Family best{-1e9, 0, 0};
    if (column + 1 == length) {
      best = from(row + 1);
      best.covered += row - begin + 1;
    } else {
      for (const auto& [down, right] : {std::pair{1, 1}, {1, 2}, {2, 1}}) {
        const std::size_t to_row = row + static_cast<std::size_t>(down);
        const std::size_t to_column = column + static_cast<std::size_t>(right);
        if (to_row >= rows || to_column >= length) continue;
        const Family next = on_path(to_row, to_column, begin);
        if (next.score > best.score) best = next;
      }
    }
    best.score += entry;
    ++best.entries;
    return best;
  };
  from = [&](std::size_t row) -> Family {
    if (row >= rows) return {0, 0, 0};
    const Family skip = from(row + 1), take = on_path(row, 0, row);
    return take.score > skip.score ? take : skip;
  };
  const Family best = from(0);
  const double score = (best.score - static_cast<double>(length)) / static_cast<double>(best.entries);
  const double coverage = (static_cast<double>(best.covered) - static_cast<double>(length)) / static_cast<double>(rows);
  return score > 0 && coverage > 0 ? 2 * score * coverage / (score + coverage) : 0;
}

TEST(Structure, FitnessIsThatOfTheBestOfAllPathFamilies) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Random random(seed);
    const std::size_t size = 3 + random.below(6);
    std::vector<float> entries(size * size);
    for (float& entry : entries) entry = static_cast<float>(random.below(3) == 0 ? random.uniform() : -2.0);
    for (std::size_t i = 0; i < size; ++i) entries[i * size + i] = 1;
    const SelfSimilarity likeness(size, entries);
    for (std::size_t length = 1; length <= size; ++length) {
      for (std::size_t first = 0; first + length <= size; ++first) {
        ASSERT_NEAR(fitness(likeness, first, length), fitness_by_trial(likeness, first, length), 1e-5)
            << "seed " << seed << " first " << first << " length " << length;
      }
    }
  }
}

TEST(Structure, LikenessKeepsItsGreatestEntriesAndTheDiagonal) {
  // Twelve frames of one pitch class each; the last four repeat the first four.
  std::vector<PitchClasses> chroma(12);
  for (std::size_t i = 0; i < 12; ++i) chroma[i][i % 8] = 1;
  const SelfSimilarity likeness(chroma);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(likeness.row(i)[i], 1);
  EXPECT_EQ(likeness.row(0)[8], 1);
  EXPECT_EQ(likeness.row(8)[0], 1);
  EXPECT_EQ(likeness.row(0)[5], -2);
  EXPECT_TRUE(
      std::ranges::all_of(std::span(likeness.row(0), 144), [](float x) { return x == -2 || (x >= 0 && x <= 1); }));
}

// A melody of `count` quarters, half a second each, from these pitches again and again.
std::vector<Note> melody(int count, int period, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::uint8_t> pitches;
  for (int i = 0; i < period; ++i) pitches.push_back(static_cast<std::uint8_t>(48 + random.below(24)));
  std::vector<Note> notes;
  for (int i = 0; i < count; ++i) {
    notes.push_back({.onset = 4 * i, .duration = 4, .pitch = pitches[static_cast<std::size_t>(i % period)]});
  }
  return notes;
}

TEST(Structure, APieceThatRepeatsIsMoreStructuredThanOneThatDoesNot) {
  const TempoMap tempos(score_of({}));
  const Structure repeating = structure(melody(80, 10, 1), tempos), wandering = structure(melody(80, 80, 1), tempos);
  for (const auto indicator : {&Structure::from_3_to_8, &Structure::from_8_to_15, &Structure::from_15}) {
    ASSERT_TRUE(repeating.*indicator);
    ASSERT_TRUE(wandering.*indicator);
    EXPECT_GT(*(repeating.*indicator), *(wandering.*indicator) + 0.1);
    EXPECT_LT(*(repeating.*indicator), 1);
  }
}

TEST(Structure, ShortPiecesHaveNoLongSegments) {
  const TempoMap tempos(score_of({}));
  EXPECT_FALSE(structure({}, tempos).from_3_to_8);
  EXPECT_FALSE(structure(melody(5, 5, 1), tempos).from_3_to_8);
  const Structure some = structure(melody(12, 4, 1), tempos);
  EXPECT_TRUE(some.from_3_to_8);
  EXPECT_FALSE(some.from_8_to_15);
  EXPECT_FALSE(some.from_15);
}

TEST(Structure, AVeryLongPieceHasFewerAndLongerFrames) {
  // Three hours, in which segments of 3 to 8 seconds cannot be seen.
  std::vector<Note> notes;
  for (int i = 0; i < 60; ++i)
    notes.push_back({.onset = 1440 * i, .duration = 1440, .pitch = std::uint8_t(40 + i % 3)});
  const Structure seen = structure(notes, TempoMap(score_of({})));
  EXPECT_FALSE(seen.from_3_to_8);
  EXPECT_TRUE(seen.from_15);
}

}  // namespace
}  // namespace polonaise::io
