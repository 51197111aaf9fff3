#include "tools/training/split_gap.h"

#include <gtest/gtest.h>

#include "io/files/file.h"
#include "io/midi/notes.h"
#include "tests/tools/runs.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

Evaluation evaluation(double nats, double unigram, double bigram) {
  Evaluation e;
  e.nats = nats;
  e.baselines.unigram = unigram;
  e.baselines.bigram = bigram;
  return e;
}

TEST(Gap, IsTheMusicsWhereCountingFindsItToo) {
  const std::string said = explain_gap(evaluation(7.44, 10.05, 9.46), evaluation(10.9, 12.66, 11.96), "nats per frame");
  for (const char* part :
       {"validation has 7.4400 and test 10.9000", "bigram 9.4600 and 11.9600",
        "unigram 10.0500 and 12.6600 nats per frame", "different music", "says nothing of the network"}) {
    EXPECT_TRUE(contains(said, part)) << said;
  }
  // It may be the easier one that is tested.
  EXPECT_FALSE(explain_gap(evaluation(10.9, 12.7, 12), evaluation(7.4, 10, 9.5), "").empty());
}

TEST(Gap, IsNotExplainedBySmallOrOtherDifferences) {
  EXPECT_EQ(explain_gap(evaluation(7.4, 10, 9), evaluation(7.8, 12, 11), ""), "");     // no gap
  EXPECT_EQ(explain_gap(evaluation(7.4, 10, 9), evaluation(9.4, 10.1, 9.2), ""), "");  // counting finds none
  EXPECT_EQ(explain_gap(evaluation(7.4, 12, 11), evaluation(9.4, 10, 9), ""), "");     // it finds the contrary
  EXPECT_EQ(explain_gap(io::Baselines{.bigram = 9}, io::Baselines{.bigram = 9.5}, ""), "");
}

// Two kinds of music in two folders: pieces made by rule, and pieces of one long note after another.
fs::path two_kinds(const fs::path& folder) {
  fs::create_directories(folder / "midi/rule");
  fs::create_directories(folder / "midi/plain");
  for (const io::NamedScore& piece : io::synthetic_corpus(20, 5)) {
    io::write_file(folder / "midi/rule" / (piece.name + ".mid"), io::write_score(piece.score));
  }
  for (int i = 0; i < 20; ++i) {
    io::Score score;
    for (int j = 0; j < 100; ++j) {
      score.notes.push_back({.onset = 480 * j,
                             .duration = 480,
                             .pitch = static_cast<std::uint8_t>(60 + (i + j * j) % 3),
                             .velocity = 64,
                             .channel = 0,
                             .program = 0,
                             .track = 0});
    }
    score.notes.back().pitch = static_cast<std::uint8_t>(40 + i);  // each a piece of its own
    io::write_file(folder / "midi/plain" / ("plain-" + std::to_string(i) + ".mid"), io::write_score(score));
  }
  return folder / "midi";
}

TEST(Gap, SplitsByFolderHaveNoneAndOthersAreExplained) {
  const fs::path folder = fresh_folder();
  const fs::path midi = two_kinds(folder);
  // A seed by which the division of old gives validation and test of two kinds.
  const auto prepared = [&](const std::string& name, const std::vector<std::string>& more) {
    const ProgramResult result =
        run_program("polonaise-prepare", joined({midi, "-o", folder / name, "--encoding", "chordvec", "-q"}, more));
    EXPECT_EQ(result.status, 0) << result.err;
    return result.out;
  };
  const std::string mixed = prepared("folder", {});
  EXPECT_TRUE(contains(mixed,
                       "pieces of  all  train  valid  test\nplain       20     16      2     2\n"
                       "rule        20     16      2     2\n"))
      << mixed;
  EXPECT_FALSE(contains(mixed, "different music")) << mixed;
  std::string apart;
  for (int seed = 1; seed < 30 && !contains(apart, "different music"); ++seed) {
    apart = prepared("none", {"--split-by", "none", "--overwrite", "--seed", std::to_string(seed)});
  }
  EXPECT_TRUE(contains(apart, "validation and test are different music: counting (bigram) has ")) << apart;

  const auto tested = [&](const std::string& name) {
    EXPECT_EQ(train(joined({folder / name, "-o", folder / (name + "-run"), "--steps", "60", "--lr", "1e-2"},
                           small_model("gru")))
                  .status,
              0);
    const ProgramResult result = run_program("polonaise-evaluate", {folder / (name + "-run")});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_FALSE(contains(run_program("polonaise-evaluate", {folder / (name + "-run"), "--split", "valid"}).out,
                          "different music"));
    return result.out;
  };
  EXPECT_FALSE(contains(tested("folder"), "different music"));
  const std::string explained = tested("none");
  EXPECT_TRUE(contains(explained, "the two splits are different music, which says nothing of the network\n"))
      << explained;
}

}  // namespace
}  // namespace polonaise::tools
