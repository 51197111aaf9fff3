#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "io/files/file.h"
#include "io/midi/notes.h"
#include "tests/tools/runs.h"

// What --help and README.md show as examples, typed into a shell as they stand, in a folder that has what they name.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

// Indented lines of `text` that call a program, in order, from the line `after` to the next that is not indented.
std::vector<std::string> commands_in(const std::string& text, std::string_view after, const std::string& indent) {
  std::vector<std::string> commands;
  std::istringstream lines(text.substr(std::min(text.find(after), text.size())));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line) && (line.empty() || line.starts_with(" "))) {
    if (line.starts_with(indent + "polonaise-")) commands.push_back(line.substr(indent.size()));
  }
  return commands;
}

// Of a program and each of its subcommands.
std::vector<std::string> examples_of(const std::string& program) {
  const std::string help = run_program(program, {"--help"}).out;
  std::vector<std::string> examples = commands_in(help, "Examples:\n", "  ");
  std::istringstream lines(help.substr(std::min(help.find("\nCommands:\n"), help.size())));
  std::string line;
  for (std::getline(lines, line), std::getline(lines, line); std::getline(lines, line) && !line.empty();) {
    std::string name;
    std::istringstream(line) >> name;
    const std::vector<std::string> more = commands_in(run_program(program, {name, "--help"}).out, "Examples:\n", "  ");
    EXPECT_FALSE(more.empty()) << program << " " << name << " --help has no examples";
    examples.insert(examples.end(), more.begin(), more.end());
  }
  EXPECT_FALSE(examples.empty()) << program;
  return examples;
}

// Runs them one after another; those with one of `long_ones` in them only as far as their options.
void expect_true(const fs::path& folder, const std::vector<std::string>& commands,
                 const std::vector<std::string>& long_ones = {}) {
  const ProgramOptions options{.environment = {{"HOME", folder.string()},
                                               {"PATH", POLONAISE_BINARY_DIR "/bin:/usr/bin:/bin"},
                                               {"POLONAISE_BATCH", "4"},
                                               {"POLONAISE_STOP_AT", "2"}}};
  for (const std::string& command : commands) {
    const bool is_long = std::ranges::any_of(long_ones, [&](const auto& part) { return contains(command, part); });
    const std::string line = "cd '" + folder.string() + "' && " + command + (is_long ? " --dump-config" : "");
    const ProgramResult result = run_program("/bin/sh", {"-c", line}, options);
    EXPECT_EQ(result.status, 0) << command << "\n" << result.err;
  }
}

fs::path midi_folder(const fs::path& folder, int pieces) {
  fs::create_directories(folder);
  for (const io::NamedScore& piece : io::synthetic_corpus(pieces, 2)) {
    io::write_file(folder / (piece.name + ".mid"), io::write_score(piece.score));
  }
  return folder;
}

void write_song(const fs::path& file) {
  io::write_file(file, io::write_score(io::synthetic_corpus(1, 9).front().score));
}

TEST(Examples, OfMidiAreTrue) {
  const fs::path folder = fresh_folder();
  for (const char* name : {"song.mid", "a.mid"}) write_song(folder / name);
  expect_true(folder, examples_of("polonaise-midi"), {"midi render"});  // fluidsynth need not be there
  EXPECT_TRUE(fs::exists(folder / "b.mid"));
}

TEST(Examples, OfPrepareAreTrue) {
  const fs::path folder = fresh_folder();
  for (const char* name : {"midi", "maestro", "scores"}) midi_folder(folder / name, 3);
  fs::create_directories(folder / "polyphonic/jsb_chorales");
  for (const char* split : {"train", "valid", "test"}) {
    write_text(folder / "polyphonic/jsb_chorales" / (std::string(split) + ".jsonl"), "[[60,64],[60]]\n");
  }
  expect_true(folder, examples_of("polonaise-prepare"));
}

TEST(Examples, OfTrainAreTrue) {
  const fs::path folder = fresh_folder();
  small_dataset(folder / "piano.data", "chordvec", 30);
  small_dataset(folder / "other.data", "chordvec", 40);
  small_dataset(folder / "perf.data", "perf", 30);
  small_dataset(folder / "tokens.data", "tsd", 30);
  // Each begins a run where the one before left its own.
  const std::vector<std::string> examples = examples_of("polonaise-train");
  for (const std::string& example : examples) {
    if (contains(example, "perf.data")) fs::remove_all(folder / "run");
    expect_true(folder, {example});
  }
  EXPECT_TRUE(fs::exists(folder / "run-4"));
}

TEST(Examples, OfEvaluateAndSampleAreTrue) {
  const fs::path folder = fresh_folder();
  small_run(folder, "chordvec", "lstm");
  write_song(folder / "song.mid");
  expect_true(folder, examples_of("polonaise-evaluate"));
  expect_true(folder, examples_of("polonaise-sample"));
  EXPECT_TRUE(fs::exists(folder / "next-008.mid"));
}

TEST(Examples, OfMetricsAreTrue) {
  const fs::path folder = fresh_folder();
  midi_folder(folder / "samples", 2);
  midi_folder(folder / "midi", 3);
  small_dataset(folder / "piano.data", "chordvec");
  expect_true(folder, examples_of("polonaise-metrics"));
}

TEST(Examples, OfCompareAreTrue) {
  const fs::path folder = fresh_folder();
  small_dataset(folder / "piano.data", "roll88");
  expect_true(folder,
              {"polonaise-compare piano.data --models rnn --seq 4 --budget 0.011 --parameters 3000 -q -o report"});
  expect_true(folder, examples_of("polonaise-compare"), {"--budget"});
}

TEST(Examples, OfTheReadmeAreTrue) {
  const fs::path folder = fresh_folder();
  midi_folder(folder / "midi", 3);
  write_song(folder / "opening.mid");
  const std::vector<std::string> commands =
      commands_in(read_text(POLONAISE_SOURCE_DIR "/README.md"), "## Your own music", "    ");
  EXPECT_GE(commands.size(), 5u);
  expect_true(folder, commands);
  EXPECT_TRUE(fs::exists(folder / "new.svg"));
}

}  // namespace
}  // namespace polonaise::tools
