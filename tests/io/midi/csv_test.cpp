#include "io/midi/csv.h"

#include <gtest/gtest.h>

#include <string>

#include "io/files/error.h"
#include "io/files/file.h"
#include "tests/io/midi_bytes.h"
#include "tests/io/programs.h"

namespace polonaise::io {
namespace {

using namespace test;

std::string csv_of(const Bytes& bytes, CsvDialect dialect = CsvDialect::midicsv) {
  Warnings warnings;
  return write_csv(read_midi(bytes, warnings), warnings, dialect);
}

// The lines between those of header, first track and end.
std::string lines_of(std::string_view track, CsvDialect dialect = CsvDialect::midicsv) {
  const std::string csv = csv_of(midi_file({track}), dialect);
  const std::string head = "0, 0, Header, 1, 1, 96\n1, 0, Start_track\n";
  const std::string tail = "0, 0, End_of_file";
  EXPECT_TRUE(csv.starts_with(head)) << csv;
  const std::size_t end = csv.rfind(tail);
  return csv.substr(head.size(), end - head.size());
}

Bytes canonical(const Bytes& bytes) {
  Warnings warnings;
  return write_midi(read_midi(bytes, warnings));
}

Bytes midi_of(std::string_view csv) {
  return write_midi(read_csv(csv).midi);
}

// Lines of one track read back; findings as "line: text".
std::string findings_of(const std::string& lines) {
  std::string text;
  for (const CsvFinding& finding : read_csv("0, 0, Header, 1, 1, 96\n1, 0, Start_track\n" + lines).findings) {
    text += std::to_string(finding.line) + ": " + finding.text + "\n";
  }
  return text;
}

Bytes track_of(const std::string& lines) {
  return midi_of("0, 0, Header, 1, 1, 96\n1, 0, Start_track\n" + lines + "\n1, 99, End_track\n0, 0, End_of_file\n");
}

constexpr std::string_view kRichCsv =
    "0, 0, Header, 1, 2, 96\n"
    "1, 0, Start_track\n"
    "1, 0, Sequence_number, 7\n"
    "1, 0, Text_t, \"A\"\"\\\\\\012\xa1\"\n"
    "1, 0, Copyright_t, \"c\"\n"
    "1, 0, Title_t, \"\"\n"
    "1, 0, Instrument_name_t, \"i\"\n"
    "1, 0, Lyric_t, \"l\"\n"
    "1, 0, Marker_t, \"m\"\n"
    "1, 0, Cue_point_t, \"q\"\n"
    "1, 0, Unknown_meta_event, 8, 1, 112\n"
    "1, 0, Unknown_meta_event, 9, 1, 100\n"
    "1, 0, Channel_prefix, 3\n"
    "1, 0, MIDI_port, 2\n"
    "1, 0, SMPTE_offset, 96, 1, 2, 3, 4\n"
    "1, 0, Tempo, 500000\n"
    "1, 0, Time_signature, 6, 3, 36, 8\n"
    "1, 0, Key_signature, -3, \"minor\"\n"
    "1, 0, Sequencer_specific, 3, 0, 65, 255\n"
    "1, 0, Unknown_meta_event, 96, 2, 1, 128\n"
    "1, 0, System_exclusive, 4, 126, 127, 9, 247\n"
    "1, 0, System_exclusive_packet, 2, 243, 1\n"
    "1, 0, End_track\n"
    "2, 0, Start_track\n"
    "2, 0, Program_c, 0, 5\n"
    "2, 0, Control_c, 0, 64, 127\n"
    "2, 0, Note_on_c, 0, 60, 64\n"
    "2, 48, Note_on_c, 0, 64, 80\n"
    "2, 48, Text_t, \"x\"\n"
    "2, 240, Note_on_c, 0, 60, 0\n"
    "2, 240, Note_off_c, 0, 64, 32\n"
    "2, 240, Poly_aftertouch_c, 0, 60, 17\n"
    "2, 256, Channel_aftertouch_c, 1, 34\n"
    "2, 256, Pitch_bend_c, 2, 8193\n"
    "2, 65791, Control_c, 0, 64, 0\n"
    "2, 65791, End_track\n"
    "0, 0, End_of_file\n";

TEST(CsvWriter, WritesEveryEventAsMidicsvDoes) {
  EXPECT_EQ(csv_of(rich_file()), kRichCsv);
}

TEST(CsvWriter, WritesPyMidicsvsDialect) {
  const CsvDialect py = CsvDialect::py_midicsv;
  EXPECT_EQ(lines_of("00 ff 01 04 22 5c 0a a1 00 ff 08 01 70 00 ff 09 01 64 00 ff 2e 00", py),
            "1, 0, Text_t, \"\"\"\\\\\\012\\241\"\n1, 0, Program_name_t, \"p\"\n1, 0, Device_name_t, \"d\"\n"
            "1, 0, Loop_track\n");
  EXPECT_EQ(lines_of("00 ff 7f 03 00 41 ff 00 f0 04 7e 7f 09 f7 00 f7 02 f3 01", py),
            "1, 0, Sequencer_specific, 03, 00, 41, FF\n1, 0, System_exclusive, 04, 7E, 7F, 09, F7\n"
            "1, 0, System_exclusive_F7, 02, F3, 01\n");
  EXPECT_EQ(csv_of(midi_file({}, 1, 0xe728), py), "0, 0, Header, 1, 0, 59176\n0, 0, End_of_file");
  Warnings warnings;
  const std::string csv = write_csv(read_midi(rich_file(), warnings), warnings, py);
  EXPECT_EQ(csv.find("Unknown"), std::string::npos);
  EXPECT_EQ(count(warnings, "unknown meta event left out"), 1);
}

TEST(CsvWriter, NumbersOfTheHeaderAreSigned) {
  EXPECT_EQ(csv_of(midi_file({}, 1, 0xe728)), "0, 0, Header, 1, 0, -6360\n0, 0, End_of_file\n");
}

TEST(CsvWriter, TextIsLatin1WithControlsInOctal) {
  EXPECT_EQ(lines_of("00 ff 01 08 00 1f 20 7e 7f a0 a1 ff"), "1, 0, Text_t, \"\\000\\037 ~\\177\\240\xa1\xff\"\n");
}

TEST(CsvWriter, DataBytesAreNotMasked) {
  EXPECT_EQ(lines_of("00 90 3c c0 00 e0 ff ff"), "1, 0, Note_on_c, 0, 60, 192\n1, 0, Pitch_bend_c, 0, 32767\n");
}

TEST(CsvWriter, StrayBytesAreUnknownEvents) {
  EXPECT_EQ(lines_of("00 f1 05 fe 00 ff 2f 00"),
            "1, 0, Unknown_event, F1x\n1, 5, Unknown_event, FEx\n1, 5, End_track\n");
  EXPECT_EQ(lines_of("01 3c ff 2f 00"), "1, 1, Unknown_event, 00x\n1, 61, End_track\n");
}

TEST(CsvWriter, FieldsOfWrongLengthStandWhereTheyStand) {
  // A tempo that claims two bytes is printed with the third, which then is read as a time.
  EXPECT_EQ(lines_of("00 ff 51 02 07 a1 20 ff 2f 00"), "1, 0, Tempo, 500000\n1, 32, End_track\n");
  EXPECT_EQ(lines_of("00 ff 59 03 00 01 05 00 ff 2f 00"), "1, 0, Key_signature, 0, \"minor\"\n1, 0, End_track\n");
  // One that claims more than the chunk holds is the track's last event.
  EXPECT_EQ(lines_of("00 ff 51 7f 07 a1 20 00 90"), "1, 0, Tempo, 500000\n");
}

TEST(CsvWriter, NothingIsMadeUpWhereATrackBreaksOff) {
  EXPECT_EQ(lines_of(""), "");
  EXPECT_EQ(lines_of("00 90 3c 40 00 90 3c"), "1, 0, Note_on_c, 0, 60, 64\n");
  EXPECT_EQ(lines_of("00 90 3c 40 00 ff 51 03 07 a1"), "1, 0, Note_on_c, 0, 60, 64\n");
  EXPECT_EQ(csv_of(header(1, 2, 96) + chunk("MTrk", hex("00 ff 2f 00"))),
            "0, 0, Header, 1, 2, 96\n1, 0, Start_track\n1, 0, End_track\n0, 0, End_of_file\n");
}

TEST(CsvWriter, OnlyDeclaredTracksAreWritten) {
  const Bytes track = chunk("MTrk", hex("00 ff 2f 00"));
  Warnings warnings;
  const MidiFile file = read_midi(header(1, 1, 96) + track + track, warnings);
  EXPECT_EQ(write_csv(file, warnings),
            "0, 0, Header, 1, 1, 96\n1, 0, Start_track\n1, 0, End_track\n0, 0, End_of_file\n");
  EXPECT_EQ(count(warnings, "left out of the CSV"), 1);
}

TEST(CsvReader, EveryEventComesBack) {
  const CsvImport import = read_csv(kRichCsv);
  EXPECT_TRUE(import.findings.empty());
  EXPECT_EQ(write_midi(import.midi), canonical(rich_file()));
}

TEST(CsvReader, ReadsPyMidicsvsDialect) {
  const std::string csv = csv_of(midi_file({"00 ff 7f 03 00 41 ff 00 f0 04 7e 7f 09 f7 00 f7 02 f3 01 00 ff 08 01 70"
                                            "00 ff 2e 00 00 f0 0a 10 20 30 40 50 60 70 01 02 f7 00 ff 2f 00"}),
                                 CsvDialect::py_midicsv);
  EXPECT_TRUE(read_csv(csv).findings.empty());
  EXPECT_EQ(csv_of(midi_of(csv), CsvDialect::py_midicsv), csv);
}

TEST(CsvReader, SystemExclusiveTellsItsBase) {
  EXPECT_EQ(track_of("1, 0, System_exclusive, 10, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99"),
            midi_file({"00 f0 0a 0a 14 1e 28 32 3c 46 50 5a 63 63 ff 2f 00"}));
  EXPECT_EQ(track_of("1, 0, System_exclusive, 02, 10, 20"), midi_file({"00 f0 02 10 20 63 ff 2f 00"}));
  EXPECT_EQ(track_of("1, 0, System_exclusive, 2, 10, 20"), midi_file({"00 f0 02 0a 14 63 ff 2f 00"}));
}

TEST(CsvReader, CommentsBlankLinesCaseAndLineEndsDoNotMatter) {
  EXPECT_EQ(
      midi_of(
          "\xEF\xBB\xBF# made by hand\r\n\r\n0,0,header,1,1,96\r\n  ; tracks\r\n1, 0, START_TRACK\r\n"
          "1,  0 ,note_ON_c,0,60,64, and a remark\r\n\r\n1,16,Note_off_c,0,60,0\r1, 16, End_Track\n0, 0, end_of_file"),
      midi_file({"00 90 3c 40 10 80 3c 00 00 ff 2f 00"}));
}

TEST(CsvReader, ValuesOutOfRangeAreClampedAndNamed) {
  EXPECT_EQ(track_of("1, 0, Note_on_c, 16, 200, -1"), midi_file({"00 9f 7f 00 63 ff 2f 00"}));
  EXPECT_EQ(findings_of("1, 0, Note_on_c, 16, 200, -1\n1, 0, End_track\n0, 0, End_of_file"),
            "3: field 4 (channel) is 16, outside 0 to 15\n3: field 5 (note number) is 200, outside 0 to 127\n"
            "3: field 6 (value) is -1, outside 0 to 127\n");
  EXPECT_EQ(findings_of("1, -5, Tempo, 99999999999999999999\n1, 0, End_track\n0, 0, End_of_file"),
            "3: field 2 (time) is -5, outside 0 to 2147483647\n"
            "3: field 4 (tempo) is 9223372036854775807, outside 0 to 16777215\n");
  EXPECT_EQ(track_of("1, 0, Key_signature, 9, \"odd\""), midi_file({"00 ff 59 02 07 00 63 ff 2f 00"}));
}

TEST(CsvReader, LinesThatMakeNoSenseAreDroppedAndNamed) {
  EXPECT_EQ(
      findings_of("1\n1, 0\n1, 0, Nonsense\n1, 0, Note_on_c, 0\n1, 0, Note_on_c, 0, x, 0\n2, 0, Tempo, 1\n"
                  "1, 10, Tempo, 1\n1, 9, Tempo, 1\n1, 9, Unknown_event, F1x\n1, 11, System_exclusive, 3, 1, 2\n"
                  "0, 0, Header, 1, 1, 96\n2, 0, Start_track\n1, 11, End_track\n1, 11, Tempo, 1\n0, 0, End_of_file"),
      "3: field 2 (time) is missing\n4: field 3 (type) is missing\n5: \"Nonsense\" is not a type of record\n"
      "6: field 5 is missing\n7: field 5 is \"x\", not a number\n8: the event's track is not the current one\n"
      "10: the event is before the previous one\n11: \"Unknown_event\" is not a type of record\n"
      "12: field 7 is missing\n13: the header stands here a second time\n14: a track starts within another\n"
      "16: the event stands outside a track\n");
}

TEST(CsvReader, WhatIsLackingIsNamed) {
  EXPECT_EQ(findings_of("1, 0, End_track\n"), "3: the End_of_file line is missing\n");
  EXPECT_EQ(findings_of("0, 0, End_of_file"),
            "3: the last track lacks its End_track and is dropped\n3: the header counts 1 tracks where 0 are whole\n");
  EXPECT_THROW(read_csv(""), Error);
  EXPECT_THROW(read_csv("some other text\n"), Error);
}

TEST(CsvReader, StrictReadingStopsAtTheFirstFinding) {
  try {
    read_csv("0, 0, Header, 1, 1, 96\n1, 0, Start_track\n1, 0, Note_on_c, 99, 60, 64\n", "a.csv", true);
    FAIL() << "no Error was thrown";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "Line 3 of a.csv: field 4 (channel) is 99, outside 0 to 15; correct it or read it leniently.");
  }
}

TEST(CsvReader, HostileLinesDoNoHarm) {
  const CsvImport import = read_csv(
      "0, 0, Header, 1, 1, 96\n1, 0, Start_track\n1, 0, System_exclusive, 268435455\n1, 0, Text_t, \"open\\\n"
      "1, 0, Text_t, \"\\7\n1, 0, Text_t, \"\\x\"\n,,,,\n\",\n-\n1, 0, Sequencer_specific\n1, 0, Tempo, -");
  EXPECT_EQ(import.findings.size(), 8u);
  EXPECT_THROW(read_csv("0, 0, Header, +-1, +, 99999999999999999999999"), Error);
}

TEST(CsvReader, SmpteDivisionSurvives) {
  const std::string csv = "0, 0, Header, 1, 1, -6360\n1, 0, Start_track\n1, 0, End_track\n0, 0, End_of_file\n";
  EXPECT_TRUE(read_csv(csv).findings.empty());
  EXPECT_EQ(csv_of(midi_of(csv)), csv);
}

TEST(CsvOracle, EqualsMidicsvOnEveryFile) {
  if (!installed("midicsv")) GTEST_SKIP() << "no midicsv program";
  int files = 0;
  for (const char* name : {"asap-scores", "asap-performances"}) {
    const auto folder = music_folder(name);
    if (!folder) GTEST_SKIP() << "POLONAISE_TEST_DATA names no folder with " << name;
    for (const auto& path : midi_files_in(*folder)) {
      const Outcome oracle = execute("midicsv '" + path.string() + "'");
      ASSERT_EQ(oracle.status, 0) << path;
      const std::string csv = csv_of(read_file(path));
      ASSERT_TRUE(csv == oracle.output) << path;
      const CsvImport import = read_csv(csv);
      EXPECT_TRUE(import.findings.empty()) << path;
      ASSERT_TRUE(csv_of(write_midi(import.midi)) == csv) << path;
      ++files;
    }
  }
  EXPECT_EQ(files, 327);
}

TEST(CsvOracle, EqualsCsvmidiBothWithAndWithoutRunningStatus) {
  if (!installed("csvmidi")) GTEST_SKIP() << "no csvmidi program";
  const std::string path = testing::TempDir() + "/csvmidi_" + std::to_string(::getpid()) + ".csv";
  const auto compare = [&](const std::string& csv) {
    write_file(path, csv);
    const MidiFile file = read_csv(csv).midi;
    for (const bool running_status : {true, false}) {
      const Outcome oracle =
          execute(std::string("csvmidi ") + (running_status ? "'" : "-x '") + path + "' 2>/dev/null");
      const Bytes ours = write_midi(file, {.running_status = running_status});
      EXPECT_TRUE(std::string(reinterpret_cast<const char*>(ours.data()), ours.size()) == oracle.output)
          << csv.substr(0, 500);
    }
  };
  compare(std::string(kRichCsv));
  compare(
      "0, 0, Header, 1, 1, 96\n1, 0, Start_track\n1, 0, Note_on_c, 16, 200, -1\n1, 5, Text_t, a\\b \"c\"\n"
      "1, 4, Tempo, 1\n1, 6, Text_t, \"a\\b\\19\\\"\" ,\" rest\n1, 7, Key_signature, -9, MINOR\nnonsense, x, Tempo, 7\n"
      "1, 8x, Tempo, 7x\n1, 9, System_exclusive, 3, 1, 300, -2\n1, 9, System_exclusive, 3, 1\n1, 10, End_track\n"
      "0, 0, End_of_file\n");
  if (const auto folder = music_folder("asap-performances")) {
    for (const auto& file : midi_files_in(*folder)) {
      if (std::filesystem::file_size(file) < 10'000) compare(csv_of(read_file(file)));
    }
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace polonaise::io
