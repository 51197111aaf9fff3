#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "io/data/dataset.h"
#include "io/data/synthetic.h"
#include "io/files/file.h"
#include "io/midi/notes.h"
#include "tests/tools/run_program.h"

// The program polonaise-prepare, run as a user runs it.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;
using io::Split;

ProgramResult prepare(const std::vector<std::string>& arguments, const ProgramOptions& options = {}) {
  return run_program("polonaise-prepare", arguments, options);
}

void expect_failure(const ProgramResult& result, int status, std::string_view part) {
  EXPECT_EQ(result.status, status) << result.err;
  EXPECT_TRUE(result.err.starts_with("polonaise-prepare: ")) << result.err;
  EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// A folder `midi` with twenty pieces made by rule.
fs::path collection(const fs::path& folder, int count = 20) {
  const fs::path midi = folder / "midi";
  fs::create_directories(midi / "more");
  for (const io::NamedScore& piece : io::synthetic_corpus(count, 7)) {
    const bool odd = piece.name.back() % 2 != 0;
    io::write_file((odd ? midi : midi / "more") / (piece.name + (odd ? ".mid" : ".MIDI")),
                   io::write_score(piece.score));
  }
  return midi;
}

TEST(Prepare, DividesByPieceAndDependsOnTheSeedAlone) {
  const fs::path folder = fresh_folder();
  const fs::path midi = collection(folder);
  const ProgramResult first =
      prepare({midi, "-o", folder / "a", "--encoding", "chordvec", "--seed", "3", "--jobs", "1"});
  ASSERT_EQ(first.status, 0) << first.err;
  const ProgramResult second =
      prepare({midi, "-o", folder / "b", "--encoding", "chordvec", "--seed", "3", "--jobs", "3"});
  ASSERT_EQ(second.status, 0) << second.err;
  EXPECT_EQ(read_text(folder / "a"), read_text(folder / "b"));
  ASSERT_EQ(prepare({midi, "-o", folder / "c", "--encoding", "chordvec", "--seed", "4"}).status, 0);
  EXPECT_NE(read_text(folder / "a"), read_text(folder / "c"));

  const io::Dataset data = io::Dataset::open(folder / "a");
  EXPECT_EQ(data.pieces(Split::train), 16);
  EXPECT_EQ(data.pieces(Split::valid), 2);
  EXPECT_EQ(data.pieces(Split::test), 2);
  EXPECT_EQ(data.encoding().name(), "chordvec");
  EXPECT_TRUE(contains(first.out, "20 of 20 files, 20 pieces, written to ")) << first.out;
  EXPECT_TRUE(contains(first.out, "split  files  sequences")) << first.out;
}

// The stems of a dataset's pieces, split by split.
std::string division(const fs::path& file) {
  const io::Dataset data = io::Dataset::open(file);
  std::string text;
  for (const Split split : io::kSplits) {
    for (std::int64_t i = 0; i < data.pieces(split); ++i) text += data.name(split, i) + " ";
    text += "| ";
  }
  return text;
}

TEST(Prepare, EachSourceFolderIsInEachSplit) {
  const fs::path folder = fresh_folder();
  const fs::path midi = collection(folder, 16);
  fs::create_directories(midi / "few");
  for (const io::NamedScore& piece : io::synthetic_corpus(5, 99)) {
    io::write_file(midi / "few" / ("few-" + piece.name + ".mid"), io::write_score(piece.score));
  }
  const auto options = [&](const char* name, const char* by) {
    return std::vector<std::string>{midi, "-o", folder / name, "--encoding", "perf", "--split-by", by, "--seed", "4"};
  };
  const ProgramResult result = prepare(options("data", "folder"));
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(contains(result.out, "pieces of  all  train  valid  test\n")) << result.out;
  EXPECT_TRUE(contains(result.out, "few          5      3      1     1\n")) << result.out;
  ASSERT_EQ(prepare({midi, "-o", folder / "again", "--encoding", "perf", "--seed", "4"}).status, 0);
  EXPECT_EQ(division(folder / "data"), division(folder / "again"));  // folder is the default
  ASSERT_EQ(prepare(options("none", "none")).status, 0);
  EXPECT_NE(division(folder / "data"), division(folder / "none"));
  expect_failure(prepare(options("x", "piece")), 2, "none of folder, none");
  expect_failure(prepare({"--synthetic", "3", "-o", folder / "x", "--encoding", "perf", "--split-by", "none"}), 2,
                 "--split-by does not go with --synthetic");
}

TEST(Prepare, ManyFoldersAreNotAllListed) {
  const fs::path folder = fresh_folder();
  int i = 0;
  for (const io::NamedScore& piece : io::synthetic_corpus(20, 7)) {
    const fs::path own = folder / "midi" / ("f" + std::to_string(i++));
    fs::create_directories(own);
    io::write_file(own / (piece.name + ".mid"), io::write_score(piece.score));
  }
  const ProgramResult result = prepare({folder / "midi", "-o", folder / "data", "--encoding", "perf"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(contains(result.out, "9 folders more    9 ")) << result.out;
  EXPECT_FALSE(contains(result.out, "f19 ")) << result.out;
}

TEST(Prepare, FilesThatAreOnePieceStayTogetherAndAreNamed) {
  const fs::path folder = fresh_folder();
  const fs::path midi = collection(folder, 4);
  fs::create_directories(folder / "again");
  fs::copy_file(midi / "rule-0001.mid", folder / "again" / "another name.mid");
  fs::copy_file(midi / "rule-0001.mid", folder / "again" / "rule-0001.mid");
  const ProgramResult result =
      prepare({midi, folder / "again", "-o", folder / "data", "--encoding", "perf", "--split", "0.5,0.25,0.25"});
  ASSERT_EQ(result.status, 0) << result.err;
  const std::string again = (folder / "again/rule-0001.mid").string(), first = (midi / "rule-0001.mid").string();
  EXPECT_TRUE(contains(result.out, "another name.mid, " + again + ", " + first + "\n")) << result.out;
  EXPECT_TRUE(contains(result.out, "6 of 6 files, 4 pieces")) << result.out;
}

TEST(Prepare, AugmentsTheTrainingSplitOnly) {
  const fs::path folder = fresh_folder();
  const ProgramResult result = prepare(
      {collection(folder), "-o", folder / "data", "--encoding", "perf", "--transpose", "-1..2", "--tempo", "0.9,1.0"});
  ASSERT_EQ(result.status, 0) << result.err;
  const io::Dataset data = io::Dataset::open(folder / "data");
  EXPECT_EQ(data.pieces(Split::train), 16 * 4 * 2);
  EXPECT_EQ(data.pieces(Split::valid), 2);
  EXPECT_EQ(data.pieces(Split::test), 2);
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < 8; ++i) names.push_back(data.name(Split::train, i));
  EXPECT_TRUE(std::ranges::any_of(names, [](const std::string& name) { return name.ends_with(" +2 x0.9"); }));
  EXPECT_TRUE(std::ranges::any_of(names, [](const std::string& name) { return !contains(name, " "); }));
}

TEST(Prepare, TempoIsRefusedWhereItMakesNoDifference) {
  const fs::path folder = fresh_folder();
  expect_failure(prepare({collection(folder, 3), "-o", folder / "data", "--encoding", "chordvec", "--tempo", "0.9,1"}),
                 2, "--tempo makes no difference");
  EXPECT_FALSE(fs::exists(folder / "data"));
}

TEST(Prepare, EventEncodingsWithAddedTokensKeepThem) {
  const fs::path folder = fresh_folder();
  const fs::path midi = collection(folder, 4);
  for (const std::string encoding : {"tsd", "perf"}) {
    const ProgramResult result =
        prepare({midi, "-o", folder / encoding, "--encoding", encoding, "--tokens", "tempo,pedal", "--split", "1,0,0"});
    ASSERT_EQ(result.status, 0) << result.err;
    const io::Dataset data = io::Dataset::open(folder / encoding);
    EXPECT_EQ(data.encoding().describe(), io::make_encoding(encoding, {.tokens = {"pedal", "tempo"}})->describe());
    EXPECT_EQ(data.pieces(Split::train), 4);
  }
  const ProgramResult remi = prepare({midi, "-o", folder / "remi", "--encoding", "remi", "--split", "1,0,0"});
  ASSERT_EQ(remi.status, 0) << remi.err;
  EXPECT_TRUE(contains(remi.out, "what the encoding keeps and loses")) << remi.out;
  expect_failure(prepare({midi, "-o", folder / "x", "--encoding", "remi", "--tokens", "pedal"}), 2,
                 "--tokens: \"remi\" has no tokens for pedal; perf and tsd have.");
  expect_failure(prepare({midi, "-o", folder / "x", "--encoding", "perf", "--steps-per-quarter", "8"}), 2,
                 "--steps-per-quarter belongs to --encoding roll88, and --encoding is perf; leave it out.");
  expect_failure(prepare({midi, "-o", folder / "x", "--encoding", "perf", "--tokens", "pedals"}), 2, "pedal");
  EXPECT_FALSE(fs::exists(folder / "x"));
}

TEST(Prepare, LossesAreTabledForEachFile) {
  const fs::path folder = fresh_folder();
  const fs::path midi = folder / "midi";
  fs::create_directories(midi);
  io::Score score;
  score.notes = {{0, 480, 60, 80, 0, 0, 0}, {0, 480, 60, 80, 1, 0, 0}, {481, 480, 62, 80, 0, 0, 0}};
  io::write_file(midi / "a, b.mid", io::write_score(score));
  score.notes = {{0, 480, 60, 80, 0, 0, 0}};
  io::write_file(midi / "c.mid", io::write_score(score));
  const ProgramResult result = prepare({midi, "-o", folder / "data", "--encoding", "tsd", "--split", "1,0,0",
                                        "--transpose", "0..2", "--losses", folder / "lost.csv"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(read_text(folder / "lost.csv"),
            "file,split,notes,events,doubled notes merged,notes moved to the grid\r\n\"" +
                (midi / "a, b.mid").string() + "\",train,3,7,1,1\r\n" + (midi / "c.mid").string() +
                ",train,1,3,0,0\r\n");
  const ProgramResult chords =
      prepare({midi, "-o", folder / "b", "--encoding", "chordvec", "--split", "1,0,0", "--losses", folder / "b.csv"});
  ASSERT_EQ(chords.status, 0) << chords.err;
  EXPECT_TRUE(
      read_text(folder / "b.csv")
          .starts_with("file,split,notes,events,chords,chords represented as they are,doubled notes merged\r\n"));
  expect_failure(prepare({midi, "-o", folder / "d", "--encoding", "tsd", "--losses", folder / "d"}), 2, "--losses");
  expect_failure(prepare({midi, "-o", folder / "d", "--encoding", "tsd", "--losses", midi / "c.mid"}), 1,
                 "is read as input");
  EXPECT_FALSE(fs::exists(folder / "d"));
}

TEST(Prepare, TheDatasetAndItsLossesAreWrittenBothOrNeither) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  const fs::path folder = fresh_folder();
  const auto with = [&](const fs::path& data, const fs::path& losses) {
    return prepare({"--synthetic", "3", "--encoding", "tsd", "--overwrite", "-o", data, "--losses", losses});
  };
  expect_failure(with(folder / "data", "/dev/full"), 1, "/dev/full");
  EXPECT_FALSE(fs::exists(folder / "data"));
  expect_failure(with("/dev/full", folder / "lost.csv"), 1, "/dev/full");
  EXPECT_FALSE(fs::exists(folder / "lost.csv"));
  EXPECT_TRUE(fs::exists("/dev/full"));
  EXPECT_EQ(with(folder / "data", folder / "lost.csv").status, 0);
  EXPECT_TRUE(fs::exists(folder / "lost.csv"));
}

TEST(Prepare, ABadFileIsReportedAndSkippedOrFatalWithStrict) {
  const fs::path folder = fresh_folder();
  const fs::path midi = collection(folder);
  write_text(midi / "bad.mid", "this is no music");
  const std::string whole = read_text(midi / "rule-0001.mid");
  write_text(midi / "cut.mid", std::string_view(whole).substr(0, 10));
  const ProgramResult result = prepare({midi, "-o", folder / "data", "--encoding", "chordvec"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(contains(result.err, "skipped")) << result.err;
  EXPECT_TRUE(contains(result.err, "bad.mid")) << result.err;
  EXPECT_TRUE(contains(result.err, "cut.mid")) << result.err;
  EXPECT_TRUE(contains(result.out, "20 of 22 files")) << result.out;
  expect_failure(prepare({midi, "-o", folder / "strict", "--encoding", "chordvec", "--strict"}), 1, "bad.mid");
  EXPECT_FALSE(fs::exists(folder / "strict"));
}

TEST(Prepare, OnlyPianosAreTakenWhereAskedFor) {
  const fs::path folder = fresh_folder();
  io::Score score;
  for (int i = 0; i < 8; ++i) {
    const auto program = static_cast<std::uint8_t>(i % 2 == 0 ? 0 : 40);
    const auto channel = static_cast<std::uint8_t>(i % 2);
    score.notes.push_back({.onset = 480 * i,
                           .duration = 480,
                           .pitch = 60,
                           .velocity = 64,
                           .channel = channel,
                           .program = program,
                           .track = channel});
  }
  fs::create_directories(folder / "midi");
  io::write_file(folder / "midi" / "duo.mid", io::write_score(score));
  for (const auto& [parts, chords] : {std::pair{"all", 8}, std::pair{"piano", 8}}) {
    const ProgramResult result = prepare(
        {folder / "midi", "-o", folder / parts, "--encoding", "chordvec", "--split", "1,0,0", "--parts", parts});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(io::Dataset::open(folder / parts).events(Split::train), std::string_view(parts) == "all" ? chords : 7);
  }
}

TEST(Prepare, FoldersWithoutMusicAreErrors) {
  const fs::path folder = fresh_folder();
  fs::create_directories(folder / "empty");
  const std::string data = folder / "data";
  expect_failure(prepare({folder / "empty", "-o", data, "--encoding", "perf"}), 1, "no MIDI files");
  expect_failure(prepare({folder / "missing", "-o", data, "--encoding", "perf"}), 1, "missing: No such file");
  write_text(folder / "empty" / "bad.mid", "this is no music");
  expect_failure(prepare({folder / "empty", "-o", data, "--encoding", "perf"}), 1, "none of the 1 files can be used");
  EXPECT_FALSE(fs::exists(data));
}

TEST(Prepare, AnUnreadableFileIsSkipped) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads every file";
  const fs::path folder = fresh_folder();
  const fs::path midi = collection(folder, 4);
  fs::permissions(midi / "rule-0001.mid", fs::perms::none);
  const ProgramResult result = prepare({midi, "-o", folder / "data", "--encoding", "perf"});
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(contains(result.err, "Permission denied")) << result.err;
}

TEST(Prepare, NeverReplacesWhatIsThereUnasked) {
  const fs::path folder = fresh_folder();
  const fs::path midi = collection(folder, 3);
  write_text(folder / "data", "precious");
  expect_failure(prepare({midi, "-o", folder / "data", "--encoding", "perf"}), 1, "--overwrite");
  EXPECT_EQ(read_text(folder / "data"), "precious");
  EXPECT_EQ(prepare({midi, "-o", folder / "data", "--encoding", "perf", "--overwrite"}).status, 0);
  EXPECT_NO_THROW(io::Dataset::open(folder / "data"));
  const fs::path input = midi / "rule-0001.mid";
  const std::string before = read_text(input);
  expect_failure(prepare({midi, "-o", input, "--encoding", "perf", "--overwrite"}), 1, "is read as input");
  EXPECT_EQ(read_text(input), before);
  expect_failure(prepare({midi, "-o", folder / "none" / "data", "--encoding", "perf"}), 1, "does not exist");
}

TEST(Prepare, HelpShowsTheChoicesOfAListOnce) {
  const std::string help = prepare({"--help"}).out;
  const std::size_t first = help.find("pedal");
  ASSERT_NE(first, std::string::npos) << help;
  EXPECT_EQ(help.find("pedal", first + 1), std::string::npos) << help;
  EXPECT_TRUE(contains(help, "POLONAISE_STEPS_PER_QUARTER sets --steps-per-quarter")) << help;
}

TEST(Prepare, UsageErrorsHaveTheirOwnStatus) {
  const fs::path folder = fresh_folder();
  const std::string midi = collection(folder, 3), data = folder / "data";
  expect_failure(prepare({"-o", data, "--encoding", "perf"}), 2, "DIR is missing");
  expect_failure(prepare({midi, "-o", data}), 2, "--encoding NAME is missing");
  expect_failure(prepare({midi, "--encoding", "perf"}), 2, "--output DATASET is missing");
  for (const char* range : {"6", "3..-3", "-50..0", "a..b", "1..2..3"}) {
    expect_failure(prepare({midi, "-o", data, "--encoding", "perf", "--transpose", range}), 2, "is not LO..HI");
  }
  expect_failure(prepare({midi, "-o", data, "--encoding", "perf", "--split", "0.5,0.6,0.1"}), 2, "--split: ");
  expect_failure(prepare({midi, "-o", data, "--encoding", "perf", "--tempo", "1,9"}), 2, "9 is not from 0.25 to 4");
  expect_failure(prepare({midi, "-o", data, "--encoding", "perf", "--parts", "drums"}), 2, "none of all, piano");
  expect_failure(prepare({midi, "-o", data, "--rolls", midi}), 2, "DIR does not go with --rolls");
  expect_failure(prepare({"-o", data, "--rolls", midi, "--seed", "2"}), 2, "--seed does not go with --rolls");
  EXPECT_FALSE(fs::exists(data));
}

TEST(Prepare, MakesPiecesByRuleWhereThereIsNoMusic) {
  const fs::path folder = fresh_folder();
  const std::vector<std::string> options = {"--synthetic", "10", "--encoding", "chordvec", "-o"};
  const auto prepare_to = [&](const char* name, std::vector<std::string> more) {
    more.insert(more.begin(), options.begin(), options.end());
    more.insert(more.begin() + std::ssize(options), folder / name);
    return prepare(more);
  };
  const ProgramResult made = prepare_to("a", {"--seed", "3"});
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_TRUE(contains(made.out, "10 pieces made by rule, written to ")) << made.out;
  const io::Dataset data = io::Dataset::open(folder / "a");
  EXPECT_EQ(data.pieces(Split::train), 8);
  EXPECT_EQ(data.pieces(Split::valid), 1);
  EXPECT_EQ(data.pieces(Split::test), 1);
  ASSERT_EQ(prepare_to("b", {"--seed", "3"}).status, 0);
  EXPECT_EQ(read_text(folder / "a"), read_text(folder / "b"));
  ASSERT_EQ(prepare_to("c", {"--seed", "4"}).status, 0);
  EXPECT_NE(read_text(folder / "a"), read_text(folder / "c"));

  expect_failure(prepare_to("d", {folder}), 2, "DIR does not go with --synthetic");
  expect_failure(prepare_to("d", {"--rolls", folder}), 2, "--synthetic does not go with --rolls");
  EXPECT_FALSE(fs::exists(folder / "d"));
}

TEST(Prepare, RollsAreTakenAsTheyAreDividedAndLeaksAreNamed) {
  const fs::path folder = fresh_folder();
  write_text(folder / "train.jsonl", "[[60,64],[60]]\n[[72],[],[74]]\n");
  write_text(folder / "valid.jsonl", "[[72],[],[74]]\n");
  write_text(folder / "test.jsonl", "[[21,108]]\n");
  const ProgramResult result = prepare({"--rolls", folder, "-o", folder / "data"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(contains(result.out, "train 2 = valid 1")) << result.out;
  const io::Dataset data = io::Dataset::open(folder / "data");
  EXPECT_EQ(data.encoding().name(), "roll88");
  EXPECT_EQ(data.events(Split::train), 5);
  EXPECT_EQ(data.events(Split::valid), 3);
  EXPECT_EQ(data.events(Split::test), 1);
  write_text(folder / "test.jsonl", "[[20]]\n");
  expect_failure(prepare({"--rolls", folder, "-o", folder / "bad"}), 1, "test.jsonl");
  EXPECT_FALSE(fs::exists(folder / "bad"));
}

TEST(Prepare, RollsAreTransposedForTrainingAlone) {
  const fs::path folder = fresh_folder();
  write_text(folder / "train.jsonl", "[[60,108],[]]\n");
  write_text(folder / "valid.jsonl", "[[59,107],[]]\n");
  write_text(folder / "test.jsonl", "[[72]]\n");
  const ProgramResult result = prepare({"--rolls", folder, "--transpose", "-1..1", "-o", folder / "data"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(contains(result.out, "train 1 -1 = valid 1")) << result.out;
  EXPECT_TRUE(contains(result.out, "keys transposed out of range dropped: 1")) << result.out;
  const io::Dataset data = io::Dataset::open(folder / "data");
  ASSERT_EQ(data.pieces(Split::train), 3);
  EXPECT_EQ(data.name(Split::train, 1), "train 1");
  EXPECT_EQ(data.name(Split::train, 2), "train 1 +1");
  ASSERT_EQ(data.piece(Split::train, 2).frame(0).size(), 1U);
  EXPECT_EQ(data.piece(Split::train, 2).frame(0)[0], 61 - 21);
  EXPECT_EQ(data.pieces(Split::valid), 1);
  EXPECT_EQ(data.pieces(Split::test), 1);
}

TEST(Prepare, SummaryThatCannotBePrintedIsAFailureOnceAllIsDone) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  const fs::path folder = fresh_folder();
  expect_failure(
      prepare({collection(folder, 3), "-o", folder / "data", "--encoding", "perf"}, {.stdout_path = "/dev/full"}), 1,
      "cannot write to standard output");
  EXPECT_GT(io::Dataset::open(folder / "data").all(Split::train).size(), 0u);
}

}  // namespace
}  // namespace polonaise::tools
