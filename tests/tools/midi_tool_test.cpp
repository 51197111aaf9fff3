#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "io/encodings/encoding.h"
#include "io/files/file.h"
#include "io/midi/notes.h"
#include "tests/tools/run_program.h"

// The program polonaise-midi, run as a user runs it.
namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

ProgramResult midi(const std::vector<std::string>& arguments, const ProgramOptions& options = {}) {
  return run_program("polonaise-midi", arguments, options);
}

// Three chords and a melody on two tracks, three seconds long.
fs::path song(const fs::path& folder) {
  io::Score score;
  score.ticks_per_quarter = 48;
  score.tempos = {{0, 500000}};
  score.time_signatures = {{0, 3, 4}};
  for (int quarter = 0; quarter < 6; ++quarter) {
    const auto pitch = static_cast<std::uint8_t>(60 + quarter);
    score.notes.push_back({.onset = 48 * quarter, .duration = 48, .pitch = 48, .velocity = 60, .track = 1});
    score.notes.push_back({.onset = 48 * quarter, .duration = 48, .pitch = pitch, .velocity = 90, .track = 0});
  }
  const fs::path file = folder / "song.mid";
  io::write_file(file, io::write_score(score, "made by a test"));
  return file;
}

void expect_failure(const ProgramResult& result, int status, std::string_view part) {
  EXPECT_EQ(result.status, status) << result.err;
  EXPECT_TRUE(result.err.starts_with("polonaise-midi: ")) << result.err;
  EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
  EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
}

TEST(MidiTool, TextGoesToStandardOutputOrAFileAndBack) {
  const fs::path folder = fresh_folder();
  const fs::path file = song(folder);
  const ProgramResult shown = midi({"csv", file});
  ASSERT_EQ(shown.status, 0) << shown.err;
  EXPECT_TRUE(shown.out.starts_with("0, 0, Header, 1, 2, 48\n1, 0, Start_track\n")) << shown.out;
  EXPECT_NE(shown.out.find("2, 0, Note_on_c, 0, 48, 60\n"), std::string::npos);
  ASSERT_EQ(midi({"csv", file, "-o", folder / "song.csv"}).status, 0);
  EXPECT_EQ(read_text(folder / "song.csv"), shown.out);
  ASSERT_EQ(midi({"from-csv", folder / "song.csv", "-o", folder / "again.mid"}).status, 0);
  EXPECT_EQ(midi({"csv", folder / "again.mid"}).out, shown.out);
  EXPECT_EQ(read_text(folder / "again.mid"), read_text(file));
}

TEST(MidiTool, TheDialectOfPyMidicsvEndsWithoutANewline) {
  const fs::path file = song(fresh_folder());
  const ProgramResult shown = midi({"csv", file, "--dialect", "py_midicsv"});
  ASSERT_EQ(shown.status, 0) << shown.err;
  EXPECT_TRUE(shown.out.ends_with("0, 0, End_of_file"));
}

TEST(MidiTool, InfoSaysTheSameInBothForms) {
  const fs::path file = song(fresh_folder());
  const ProgramResult json = midi({"info", file, "--json"});
  ASSERT_EQ(json.status, 0) << json.err;
  const auto info = nlohmann::json::parse(json.out);
  EXPECT_EQ(info["format"], 1);
  EXPECT_EQ(info["ticks_per_quarter"], 48);
  EXPECT_EQ(info["notes"], 12);
  EXPECT_EQ(info["duration_ticks"], 288);
  EXPECT_DOUBLE_EQ(info["duration_seconds"], 3.0);
  EXPECT_EQ(info["lowest_pitch"], 48);
  EXPECT_EQ(info["highest_pitch"], 65);
  EXPECT_EQ(info["tracks"].size(), 2u);
  EXPECT_EQ(info["tracks"][1]["notes"], 6);
  EXPECT_DOUBLE_EQ(info["tempos"][0]["quarters_per_minute"], 120.0);
  EXPECT_EQ(info["time_signatures"][0]["numerator"], 3);
  EXPECT_TRUE(info["warnings"].empty());
  const ProgramResult text = midi({"info", file});
  ASSERT_EQ(text.status, 0) << text.err;
  for (const char* part : {"48 ticks a quarter", "288 ticks, 3.0 s", "48 (C3) to 65 (F4)", "3/4", "120 quarters"}) {
    EXPECT_NE(text.out.find(part), std::string::npos) << part << "\nis not in\n" << text.out;
  }
}

TEST(MidiTool, RollDrawsEveryNote) {
  const fs::path folder = fresh_folder();
  ASSERT_EQ(midi({"roll", song(folder), "-o", folder / "song.svg"}).status, 0);
  const std::string svg = read_text(folder / "song.svg");
  std::size_t notes = 0;
  for (std::size_t at = svg.find("fill-opacity"); at != std::string::npos; at = svg.find("fill-opacity", at + 1))
    ++notes;
  EXPECT_EQ(notes, 12u);
  EXPECT_NE(svg.find(">song</text>"), std::string::npos);
}

TEST(MidiTool, InfoTextAndPictureShowWhereASampleWasDrawnFrom) {
  const fs::path folder = fresh_folder(), file = song(folder);
  EXPECT_FALSE(nlohmann::json::parse(midi({"info", file, "--json"}).out).contains("continuation_tick"));
  io::Warnings warnings;
  io::Score score = io::read_score(file, warnings);
  score.continuation = 4 * 48;
  io::write_file(file, io::write_score(score));
  EXPECT_EQ(nlohmann::json::parse(midi({"info", file, "--json"}).out)["continuation_tick"], 192);
  const ProgramResult info = midi({"info", file});
  EXPECT_NE(info.out.find("from tick 192, bar 2, 2.0 s on"), std::string::npos) << info.out;
  EXPECT_NE(midi({"csv", file}).out.find("1, 192, Marker_t, \"continuation\"\n"), std::string::npos);
  ASSERT_EQ(midi({"roll", file, "-o", folder / "song.svg"}).status, 0);
  const std::string svg = read_text(folder / "song.svg");
  const auto of_opacity = [&](const std::string& opacity) {
    std::size_t notes = 0;
    for (std::size_t at = svg.find(opacity); at != std::string::npos; at = svg.find(opacity, at + 1)) ++notes;
    return notes;
  };
  EXPECT_EQ(of_opacity("fill-opacity=\"0.81\""), 2u);
  EXPECT_EQ(of_opacity("fill-opacity=\"0.36\""), 4u) << "0.45 of it before the marker";
}

TEST(MidiTool, RoundtripReportsWhatWasLost) {
  const fs::path folder = fresh_folder();
  const ProgramResult result = midi({"roundtrip", song(folder), "--encoding", "chordvec", "-o", folder / "heard.mid"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_TRUE(result.out.starts_with("chordvec: 12 notes, 6 events, 12 notes decoded\n")) << result.out;
  io::Warnings warnings;
  EXPECT_EQ(io::read_score(folder / "heard.mid", warnings).notes.size(), 12u);
}

TEST(MidiTool, RoundtripGoesThroughEveryEncoding) {
  const fs::path folder = fresh_folder();
  for (const std::string& encoding : io::encoding_names()) {
    const ProgramResult result = midi({"roundtrip", song(folder), "--encoding", encoding, "-o", folder / "heard.mid"});
    ASSERT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(result.out.starts_with(encoding + ": 12 notes, ")) << result.out;
  }
  const ProgramResult all = midi({"roundtrip", song(folder), "--encoding", "tsd", "--tokens",
                                  "pedal,tempo,articulation", "-o", folder / "heard.mid"});
  ASSERT_EQ(all.status, 0) << all.err;
  EXPECT_TRUE(all.out.starts_with("tsd with pedal, tempo, articulation: 12 notes, ")) << all.out;
}

TEST(MidiTool, RenderMakesSoundWhereFluidsynthIs) {
  const fs::path folder = fresh_folder();
  const fs::path file = song(folder);
  expect_failure(midi({"render", file, "-o", folder / "song.wav"}, {.environment = {{"PATH", "/nowhere"}}}), 1,
                 "apt install fluidsynth");
  EXPECT_FALSE(fs::exists(folder / "song.wav"));
  if (!fs::exists("/usr/bin/fluidsynth") || !fs::exists("/usr/share/sounds/sf2")) {
    GTEST_SKIP() << "fluidsynth and a soundfont are not installed";
  }
  const ProgramResult result = midi({"render", file, "-o", folder / "song.wav"});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_GT(fs::file_size(folder / "song.wav"), 3u * 44100 * 4);
  EXPECT_EQ(read_text(folder / "song.wav").substr(0, 4), "RIFF");
  expect_failure(midi({"render", file, "-o", folder / "b.wav", "--soundfont", folder / "none.sf2"}), 1, "none.sf2");
}

TEST(MidiTool, WhatIsNotMidiIsRefusedByNameAndNothingIsWritten) {
  const fs::path folder = fresh_folder();
  write_text(folder / "text.mid", "this is no music");
  write_text(folder / "empty.mid", "");
  for (const char* name : {"text.mid", "empty.mid", "missing.mid", "."}) {
    expect_failure(midi({"csv", folder / name, "-o", folder / "out"}), 1, name);
    expect_failure(midi({"info", folder / name}), 1, name);
    expect_failure(midi({"roll", folder / name, "-o", folder / "out"}), 1, name);
    EXPECT_FALSE(fs::exists(folder / "out"));
  }
}

TEST(MidiTool, APieceTooLongToDrawIsNamed) {
  const fs::path folder = fresh_folder();
  io::Score score;
  score.ticks_per_quarter = 1;
  score.notes.push_back({.onset = 200'000'000, .duration = 1, .pitch = 60, .velocity = 64});
  io::write_file(folder / "long.mid", io::write_score(score));
  expect_failure(midi({"roll", folder / "long.mid", "-o", folder / "long.svg"}), 1,
                 "long.mid: the piece has more than ");
  EXPECT_FALSE(fs::exists(folder / "long.svg"));
}

TEST(MidiTool, AnUnreadableFileIsRefused) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads every file";
  const fs::path folder = fresh_folder();
  const fs::path file = song(folder);
  fs::permissions(file, fs::perms::none);
  expect_failure(midi({"info", file}), 1, "Permission denied");
}

TEST(MidiTool, ATruncatedFileIsReadAsFarAsItGoesOrRefusedWithStrict) {
  const fs::path folder = fresh_folder();
  const std::string whole = read_text(song(folder));
  const fs::path file = folder / "cut.mid";
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    write_text(file, std::string_view(whole).substr(0, length));
    const ProgramResult lenient = midi({"info", file});
    EXPECT_LE(lenient.status, 1) << length << lenient.err;
    expect_failure(midi({"csv", file, "--strict", "-o", folder / "cut.csv"}), 1, "cut.mid");
    EXPECT_FALSE(fs::exists(folder / "cut.csv"));
  }
}

TEST(MidiTool, OutputThatCannotBeWrittenIsAFailure) {
  const fs::path folder = fresh_folder();
  const fs::path file = song(folder);
  expect_failure(midi({"csv", file, "-o", folder / "none" / "a.csv"}), 1, "does not exist");
  expect_failure(midi({"csv", file, "-o", folder}), 1, "is a folder");
  const std::string before = read_text(file);
  expect_failure(midi({"roundtrip", file, "--encoding", "perf", "-o", file}), 1, "is read as input");
  EXPECT_EQ(read_text(file), before);
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"csv", file}, {"info", file}, {"--help"}, {"--version"}}) {
    expect_failure(midi(arguments, {.stdout_path = "/dev/full"}), 1, "cannot write to standard output: No space left");
  }
}

TEST(MidiTool, AClosedStandardOutputIsAFailureAndLeavesFilesAlone) {
  const fs::path folder = fresh_folder();
  const fs::path file = song(folder);
  expect_failure(midi({"csv", file}, {.close_stdout = true}), 1, "cannot write to standard output");
  EXPECT_EQ(midi({"csv", file, "-o", folder / "a.csv"}, {.close_stdout = true}).status, 0);
  EXPECT_EQ(read_text(folder / "a.csv"), midi({"csv", file}).out);
  expect_failure(midi({"roundtrip", file, "--encoding", "perf", "-o", folder / "b.mid"}, {.close_stdout = true}), 1,
                 "cannot write to standard output");
  EXPECT_EQ(midi({"info", folder / "b.mid"}).status, 0);
}

TEST(MidiTool, TheResolvedConfigurationOfACommandLoadsAgain) {
  const fs::path folder = fresh_folder();
  const fs::path file = song(folder);
  const ProgramResult first = midi({"csv", file, "--dialect", "py_midicsv", "--dump-config"});
  ASSERT_EQ(first.status, 0) << first.err;
  write_text(folder / "options.toml", first.out);
  EXPECT_EQ(midi({"csv", "--config", folder / "options.toml", "--dump-config"}).out, first.out);
  EXPECT_EQ(midi({"csv", "--config", folder / "options.toml"}).out, midi({"csv", file, "--dialect", "py_midicsv"}).out);
  EXPECT_NE(midi({"csv", "--config", folder / "options.toml"}, {.environment = {{"POLONAISE_DIALECT", "midicsv"}}}).out,
            midi({"csv", file, "--dialect", "py_midicsv"}).out);
  write_text(folder / "options.toml", "[csv]\ndialekt = \"midicsv\"\n");
  expect_failure(midi({"csv", file, "--config", folder / "options.toml"}), 2, "did you mean 'dialect'?");
}

TEST(MidiTool, UsageErrorsHaveTheirOwnStatus) {
  const fs::path folder = fresh_folder();
  const fs::path file = song(folder);
  expect_failure(midi({}), 2, "a command is missing");
  expect_failure(midi({"cvs", file}), 2, "did you mean 'csv'?");
  expect_failure(midi({"csv"}), 2, "FILE is missing");
  expect_failure(midi({"csv", file, "--dialekt", "midicsv"}), 2, "did you mean --dialect?");
  expect_failure(midi({"csv", file, "--dialect", "mido"}), 2, "is none of midicsv, py_midicsv");
  expect_failure(midi({"roll", file}), 2, "--output");
  expect_failure(midi({"roll", file, "-o", folder / "a.svg", "--zoom", "1000"}), 2, "1000 is not from 2 to 200");
  expect_failure(midi({"roll", file, "-o", folder / "a.svg", "--first-bar", "4", "--last-bar", "2"}), 2,
                 "--last-bar 2 is before --first-bar 4");
  expect_failure(midi({"roundtrip", file, "-o", folder / "a.mid", "--encoding", "prf"}), 2, "did you mean 'perf'?");
  expect_failure(midi({"roundtrip", file, "-o", folder / "a.mid", "--encoding", "roll88", "--tokens", "pedal"}), 2,
                 "--tokens: \"roll88\" has no tokens for pedal; perf and tsd have.");
  expect_failure(midi({"roundtrip", file, "-o", folder / "a.mid", "--encoding", "tsd", "--steps-per-quarter", "8"}), 2,
                 "--steps-per-quarter belongs to --encoding roll88, and --encoding is tsd");
}

TEST(MidiTool, VersionNamesCommitDevicesAndLibraries) {
  const ProgramResult result = midi({"--version"});
  ASSERT_EQ(result.status, 0);
  for (const char* part : {"polonaise-midi ", "(commit ", "devices: cpu (", "libraries: ", "CLI11 ", "Highway "}) {
    EXPECT_NE(result.out.find(part), std::string::npos) << part << "\nis not in\n" << result.out;
  }
}

TEST(MidiTool, HelpOfACommandShowsItsOptionsAndExamples) {
  const ProgramResult result = midi({"csv", "--help"});
  ASSERT_EQ(result.status, 0);
  for (const char* part : {"polonaise-midi csv FILE", "--dialect NAME", "[midicsv]", "Examples:", "--strict"}) {
    EXPECT_NE(result.out.find(part), std::string::npos) << part << "\nis not in\n" << result.out;
  }
}

}  // namespace
}  // namespace polonaise::tools
