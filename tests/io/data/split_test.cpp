#include "io/data/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "io/files/error.h"

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

namespace fs = std::filesystem;

// Of files of their own in folders of these sizes.
struct Collection {
  explicit Collection(const std::vector<std::size_t>& sizes) {
    for (std::size_t folder = 0; folder < sizes.size(); ++folder) {
      for (std::size_t i = 0; i < sizes[folder]; ++i) {
        groups.push_back({homes.size()});
        homes.push_back(folder);
      }
    }
  }

  std::vector<Split> split(const SplitRatios& ratios = {}, std::uint64_t seed = 1) const {
    return split_groups_by_folder(groups, homes, homes.size(), ratios, seed);
  }
  // Files of a folder in each split.
  std::array<std::size_t, 3> counts(const std::vector<Split>& splits, std::size_t folder) const {
    std::array<std::size_t, 3> out{};
    for (std::size_t i = 0; i < homes.size(); ++i) {
      if (homes[i] == folder) ++out[static_cast<std::size_t>(splits[i])];
    }
    return out;
  }
  std::size_t in(const std::vector<Split>& splits, Split split) const {
    return static_cast<std::size_t>(std::ranges::count(splits, split));
  }

  std::vector<std::vector<std::size_t>> groups;
  std::vector<std::size_t> homes;
};

TEST(SplitByFolder, ASourceFolderStandsDirectlyBelowWhatWasGiven) {
  const std::vector<fs::path> given = {"midi", "more/scores/", "one.mid", "/abs"};
  EXPECT_EQ(source_folder("midi/1.mid", given), "midi");
  EXPECT_EQ(source_folder("midi/bach/1.mid", given), "midi/bach");
  EXPECT_EQ(source_folder("midi/bach/fugues/1.mid", given), "midi/bach");
  EXPECT_EQ(source_folder("more/scores/1.mid", given), "more/scores");
  EXPECT_EQ(source_folder("more/scores/x/1.mid", given), "more/scores/x");
  EXPECT_EQ(source_folder("one.mid", given), ".");
  EXPECT_EQ(source_folder("/abs/a/b/1.mid", given), "/abs/a");
  EXPECT_EQ(source_folder("/abs2/a/1.mid", given), "/abs2/a");  // of no folder given: the file's own
  const std::vector<fs::path> nested = {"midi/bach", "midi"};
  EXPECT_EQ(source_folder("midi/bach/1.mid", nested), "midi/bach");
  EXPECT_EQ(source_folder("midi/liszt/1.mid", nested), "midi/liszt");
  const std::vector<fs::path> here = {"."};
  EXPECT_EQ(source_folder("./a/1.mid", here), "./a");
  EXPECT_EQ(source_folder("./1.mid", here), ".");
}

TEST(SplitByFolder, AGroupIsOfTheFolderThatMostOfItsFilesAreIn) {
  const std::vector<std::vector<std::size_t>> groups = {{0, 3}, {1, 4, 5}, {2}};
  const std::vector<std::size_t> folders = {0, 0, 1, 1, 2, 2};
  EXPECT_EQ(group_folders(groups, folders), (std::vector<std::size_t>{0, 2, 1}));
}

TEST(SplitByFolder, EachFolderIsInEachSplitAndTheWholeKeepsItsShares) {
  const Collection collection({3, 40, 7, 120, 30});
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const auto splits = collection.split({}, seed);
    for (std::size_t folder = 0; folder < 5; ++folder) {
      const auto counts = collection.counts(splits, folder);
      for (const std::size_t count : counts) EXPECT_GE(count, 1U) << folder << " seed " << seed;
    }
    EXPECT_EQ(collection.in(splits, Split::train), 160U);
    EXPECT_EQ(collection.in(splits, Split::valid), 20U);
    EXPECT_EQ(collection.in(splits, Split::test), 20U);
    // The large ones are divided as the whole is.
    EXPECT_NEAR(static_cast<double>(collection.counts(splits, 3)[0]), 96, 4);
    EXPECT_NEAR(static_cast<double>(collection.counts(splits, 3)[2]), 12, 2);
  }
}

TEST(SplitByFolder, FollowsFromTheSeed) {
  const Collection collection({12, 9, 1, 1, 2});
  EXPECT_EQ(collection.split({}, 3), collection.split({}, 3));
  EXPECT_NE(collection.split({}, 3), collection.split({}, 4));
  // Also which of the single ones go where.
  std::set<Split> seen;
  for (std::uint64_t seed = 0; seed < 60; ++seed) seen.insert(collection.split({0.4, 0.3, 0.3}, seed)[21]);
  EXPECT_GE(seen.size(), 2U);
}

TEST(SplitByFolder, OfOneFolderIsTheDivisionOfOld) {
  for (std::size_t size = 0; size < 40; ++size) {
    const Collection collection({size});
    EXPECT_EQ(collection.split({}, size), split_groups(collection.groups, size, {}, size));
  }
}

TEST(SplitByFolder, TheDivisionOfOldIsAsItWas) {
  // What split_groups gave before there were folders, at commit f571fef, seed 5.
  std::string text;
  for (const Split split : split_groups(groups_of(40, 3), 40, {}, 5)) text += split_name(split)[1];
  EXPECT_EQ(text, "rrrrrraaarrrrrrrrreeerrrrrrrrrrrrrrrrrrr");
}

TEST(SplitByFolder, TinyFoldersLeaveNoSplitEmpty) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (const std::vector<std::size_t>& sizes :
         {std::vector<std::size_t>{1, 1, 1}, {2, 1}, {2, 2, 2, 2}, {1, 1, 1, 1, 1, 1, 1, 1}}) {
      const Collection collection(sizes);
      const auto splits = collection.split({}, seed);
      for (const Split split : kSplits) EXPECT_GE(collection.in(splits, split), 1U);
    }
    const Collection two({3, 3});
    const auto splits = two.split({}, seed);
    for (std::size_t folder = 0; folder < 2; ++folder) {
      EXPECT_EQ(two.counts(splits, folder), (std::array<std::size_t, 3>{1, 1, 1}));
    }
    const Collection no_validation({2, 9});
    EXPECT_EQ(no_validation.in(no_validation.split({0.5, 0, 0.5}, seed), Split::valid), 0U);
    EXPECT_EQ(no_validation.counts(no_validation.split({0.5, 0, 0.5}, seed), 0)[2], 1U);
  }
}

TEST(SplitByFolder, AThousandTinyFoldersDoNotTakeTheTrainingMusic) {
  std::vector<std::size_t> sizes(1000, 3);
  sizes.push_back(30);
  const Collection collection(sizes);
  const auto splits = collection.split();
  EXPECT_LE(collection.in(splits, Split::test), 607U);  // twice its share of 3030
  EXPECT_GE(collection.in(splits, Split::train), 1800U);
  EXPECT_GE(collection.counts(splits, 1000)[2], 1U);
}

TEST(SplitByFolder, GroupsAcrossFoldersStayTogether) {
  std::vector<std::vector<std::size_t>> groups;
  std::vector<std::size_t> folders(90);
  for (std::size_t i = 0; i < 30; ++i) {
    groups.push_back({i, i + 30, i + 60});
    folders[i] = 0;
    folders[i + 30] = folders[i + 60] = i % 2 + 1;
  }
  const auto homes = group_folders(groups, folders);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto splits = split_groups_by_folder(groups, homes, 90, {}, seed);
    for (const auto& group : groups) {
      for (const std::size_t file : group) EXPECT_EQ(splits[file], splits[group.front()]);
    }
    EXPECT_NEAR(static_cast<double>(std::ranges::count(splits, Split::train)), 72, 3);
  }
}

}  // namespace
}  // namespace polonaise::io
