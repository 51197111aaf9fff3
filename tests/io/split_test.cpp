#include "io/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "io/error.h"

namespace polonaise::io {
namespace {

TEST(Split, StemsOfOnePieceAgree) {
  for (const char* stem :
       {"Sonata_24-1", "Sonata_24-1_no_repeat", "Sonata_24-1_no_2_repeat", "Sonata_24-1_no_first_repeat",
        "Sonata_24-1_repeat", "Sonata_24-1_with_repeats", "Sonata_24-1__performance", "Sonata_24-1_no_repeat__Lang",
        "Sonata_24-1(1)", "Sonata_24-1 (12)", "sonata 24-1 copy", "SONATA_24-1_no_repeat (2)"}) {
    EXPECT_EQ(normalised_stem(stem), "sonata_24-1") << stem;
  }
}

TEST(Split, StemsOfOtherPiecesDiffer) {
  const std::vector<std::string> stems = {
      "Sonata_1",  "Sonata_2", "Sonata_2_second", "Fugue_no_2",     "Fugue_no_3", "(1)",
      "no_repeat", "__x",      "Op (posth)",      "repeat_after_me"};
  std::set<std::string> seen;
  for (const std::string& stem : stems) seen.insert(normalised_stem(stem));
  EXPECT_EQ(seen.size(), stems.size());
  EXPECT_EQ(seen.count(""), 0U);
  EXPECT_EQ(normalised_stem("Prelude_no_4_no_repeat"), "prelude_no_4");
}

TEST(Split, ContentIsPitchesAndOnsetsWhateverElseDiffers) {
  Score score;
  score.ticks_per_quarter = 480;
  score.notes = {{0, 480, 60, 80, 0, 0, 0}, {240, 480, 64, 80, 0, 0, 1}};
  Score same;
  same.ticks_per_quarter = 96;
  same.notes = {{960, 10, 60, 1, 3, 5, 2}, {1008, 20, 64, 9, 0, 0, 0}};
  EXPECT_EQ(note_content(score), note_content(same));
  same.notes[1].pitch = 65;
  EXPECT_NE(note_content(score), note_content(same));
  same.notes[1].pitch = 64;
  same.notes[1].onset += 12;
  EXPECT_NE(note_content(score), note_content(same));
}

TEST(Split, FilesAreOnePieceThroughNameOrContentOrBoth) {
  const std::vector<PieceId> files = {{"a", 1}, {"b", 2}, {"a_no_repeat", 3}, {"c", 3}, {"d", 4}, {"x", 2}};
  EXPECT_EQ(piece_groups(files), (std::vector<std::vector<std::size_t>>{{0, 2, 3}, {1, 5}, {4}}));
}

TEST(Split, RatiosAreThreeSharesOfOne) {
  const SplitRatios ratios = parse_split_ratios("0.7,0.2,0.1");
  EXPECT_DOUBLE_EQ(ratios.valid, 0.2);
  EXPECT_DOUBLE_EQ(parse_split_ratios("1,0,0").train, 1);
  for (const char* text : {"", "0.8", "0.8,0.2", "0.8,0.1,0.1,0", "0.8,0.1,0.2", "0,0.5,0.5", "a,b,c", "0.8;0.1;0.1",
                           "1.2,-0.1,-0.1", "0.8,0.1,0.1 ", "nan,0,1"}) {
    EXPECT_THROW(parse_split_ratios(text), Error) << text;
  }
}

std::vector<std::vector<std::size_t>> groups_of(std::size_t files, std::size_t size) {
  std::vector<std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < files; ++i) {
    if (i % size == 0) groups.emplace_back();
    groups.back().push_back(i);
  }
  return groups;
}

TEST(Split, GroupsStayTogetherAndSharesAreKept) {
  const auto groups = groups_of(1000, 3);
  const auto splits = split_groups(groups, 1000, {}, 5);
  for (const auto& group : groups) {
    for (const std::size_t file : group) EXPECT_EQ(splits[file], splits[group.front()]);
  }
  EXPECT_NEAR(std::ranges::count(splits, Split::train), 800, 3);
  EXPECT_NEAR(std::ranges::count(splits, Split::valid), 100, 3);
  EXPECT_NEAR(std::ranges::count(splits, Split::test), 100, 3);
}

TEST(Split, FollowsFromTheSeed) {
  const auto groups = groups_of(100, 2);
  EXPECT_EQ(split_groups(groups, 100, {}, 1), split_groups(groups, 100, {}, 1));
  EXPECT_NE(split_groups(groups, 100, {}, 1), split_groups(groups, 100, {}, 2));
}

TEST(Split, NoWantedSplitIsEmptyAndNoUnwantedOneFilled) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto three = split_groups(groups_of(3, 1), 3, {}, seed);
    EXPECT_EQ(std::set(three.begin(), three.end()).size(), 3U);
    const auto two = split_groups(groups_of(50, 1), 50, {0.5, 0, 0.5}, seed);
    EXPECT_EQ(std::ranges::count(two, Split::valid), 0);
  }
}

TEST(Augmentation, TransposesAllButPercussion) {
  Score score;
  score.notes = {{0, 1, 60, 80, 0, 0, 0}, {0, 1, 120, 80, 0, 0, 0}, {0, 1, 36, 80, 9, 0, 0}};
  Warnings warnings;
  const Score up = transpose(score, 12, warnings);
  ASSERT_EQ(up.notes.size(), 2U);
  EXPECT_EQ(up.notes[0].pitch, 72);
  EXPECT_EQ(up.notes[1].pitch, 36);
  EXPECT_EQ(warnings.entries().at(0).count, 1);
}

TEST(Augmentation, TempoScalesFromTheFirstTickOn) {
  Score score;
  score.tempos = {{480, 1000000}};
  EXPECT_EQ(scale_tempo(score, 2).tempos, (std::vector<Tempo>{{0, 250000}, {480, 500000}}));
  EXPECT_EQ(scale_tempo(Score{}, 0.5).tempos, (std::vector<Tempo>{{0, 1000000}}));
  EXPECT_EQ(scale_tempo(Score{}, 1e-9).tempos[0].microseconds_per_quarter, 0xffffffU);
}

}  // namespace
}  // namespace polonaise::io
