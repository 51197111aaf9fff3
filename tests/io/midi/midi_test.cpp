#include "io/midi/midi.h"

#include <gtest/gtest.h>

#include <string>

#include "io/files/error.h"
#include "tests/io/midi_bytes.h"

namespace polonaise::io {
namespace {

using namespace test;

std::string text_of(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

MidiFile read(const Bytes& bytes) {
  Warnings warnings;
  return read_midi(bytes, warnings);
}

// The one warning that reading gives, or how many kinds there are.
std::string only_warning(const Bytes& bytes) {
  Warnings warnings;
  read_midi(bytes, warnings);
  if (warnings.entries().size() != 1) return std::to_string(warnings.entries().size()) + " kinds of warning";
  return warnings.entries()[0].kind;
}

std::string strict_error(const Bytes& bytes) {
  Warnings warnings;
  try {
    read_midi(bytes, warnings, {.name = "a.mid", .strict = true});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(MidiReader, KeepsEventsAsTheyStand) {
  const MidiFile file = read(midi_file({"00 90 3c 40  60 3c 00  81 00 b1 07 64  00 ff 2f 00"}, 0, 480));
  EXPECT_EQ(file.format, 0);
  EXPECT_EQ(file.division, 480);
  ASSERT_EQ(file.tracks.size(), 1u);
  const std::vector<MidiEvent>& events = file.tracks[0].events;
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[1].status, 0x90);  // running status, and velocity 0 still a note-on
  EXPECT_EQ(events[1].data[1], 0);
  EXPECT_EQ(events[1].tick, 0x60);
  EXPECT_EQ(events[2].channel(), 1);
  EXPECT_EQ(events[2].tick, 0x60 + 128);
  EXPECT_TRUE(events[3].is_meta(meta::kEndOfTrack));
}

TEST(MidiReader, LegalFilesGiveNoWarnings) {
  Warnings warnings;
  read_midi(rich_file(), warnings);
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(strict_error(rich_file()), "");
}

TEST(MidiReader, RunningStatusSurvivesMetaEventsAndSystemExclusive) {
  const MidiFile file = read(midi_file({"00 92 3c 40  00 ff 01 01 78  00 3d 41  00 f0 01 f7  00 3e 42  00 ff 2f 00"}));
  EXPECT_EQ(file.tracks[0].events[2].status, 0x92);
  EXPECT_EQ(file.tracks[0].events[4].status, 0x92);
  EXPECT_EQ(file.tracks[0].events[4].data[0], 0x3e);
}

TEST(MidiReader, PayloadsAreTheFilesBytes) {
  const MidiFile file = read(midi_file({"00 ff 01 03 61 62 63  00 f0 02 43 f7  00 ff 2f 00"}));
  EXPECT_EQ(text_of(file.payload(file.tracks[0].events[0])), "abc");
  EXPECT_EQ(text_of(file.payload(file.tracks[0].events[1])), "\x43\xf7");
  EXPECT_TRUE(file.payload(file.tracks[0].events[2]).empty());
}

TEST(MidiReader, OddKeySignaturesAreKept) {
  Warnings warnings;
  const MidiFile file = read_midi(midi_file({"00 ff 59 02 f0 09  00 ff 2f 00"}), warnings);
  EXPECT_EQ(file.payload(file.tracks[0].events[0])[0], 0xf0);
  EXPECT_TRUE(warnings.empty());
}

TEST(MidiReader, LongHeadersAndAlienChunksAreLegal) {
  const Bytes track = chunk("MTrk", hex("00 ff 2f 00"));
  const Bytes long_header = chunk("MThd", hex("0001 0001 0060 abcd ef01"));
  const Bytes alien = chunk("XFIH", hex("01 02 03"));
  EXPECT_EQ(only_warning(long_header + track), "header longer than six bytes");
  EXPECT_EQ(only_warning(header(1, 1, 96) + alien + track), "chunk of an unknown type skipped");
  EXPECT_EQ(read(long_header + alien + track).tracks.size(), 1u);
  EXPECT_EQ(strict_error(long_header + alien + track), "");
}

TEST(MidiReader, WrongHeaderLengthsAreSeenThrough) {
  Bytes bytes = midi_file({"00 ff 2f 00"});
  for (const int length : {0, 5, 10}) {
    bytes[7] = static_cast<std::byte>(length);
    EXPECT_EQ(read(bytes).tracks.size(), 1u) << length;
    EXPECT_NE(strict_error(bytes), "") << length;
  }
}

TEST(MidiReader, RiffWrappingIsOpened) {
  const Bytes inner = midi_file({"00 ff 2f 00"});
  const Bytes size = hex("1a 00 00 00");
  ASSERT_EQ(inner.size(), 0x1au);
  const Bytes riff =
      hex("52494646 00000000 524d4944") + hex("44495350 03000000 01020300") + hex("64617461") + size + inner;
  EXPECT_EQ(read(riff).tracks.size(), 1u);
  EXPECT_THROW(read(hex("52494646 00000000 57415645 64617461 00000000")), Error);
}

TEST(MidiReader, TracksEndWhereTheirBytesStopMakingSense) {
  const auto events = [](std::string_view track) { return read(midi_file({track})).tracks[0].events.size(); };
  const auto warning = [](std::string_view track) { return only_warning(midi_file({track})); };
  EXPECT_EQ(warning(""), "track without End of Track");
  EXPECT_EQ(warning("00 90 3c 40"), "track without End of Track");
  EXPECT_EQ(events("00 90 3c 40"), 1u);
  for (const char* cut : {"00 90 3c 40 81", "00 90 3c 40 00", "00 90 3c 40 00 90 3c", "00 90 3c 40 00 3c",
                          "00 90 3c 40 00 ff", "00 90 3c 40 00 ff 51", "00 90 3c 40 00 ff 51 83",
                          "00 90 3c 40 00 ff 51 03 07 a1", "00 90 3c 40 00 f0", "00 90 3c 40 00 f0 81"}) {
    EXPECT_EQ(warning(cut), "event cut short by the end of its track") << cut;
    EXPECT_EQ(events(cut), 1u) << cut;
  }
  for (const char* cut : {"00 90 3c 40 00 ff 01 05 61 62", "00 90 3c 40 00 f0 ff ff ff 7f 61"}) {
    EXPECT_EQ(warning(cut), "event longer than its track") << cut;
    EXPECT_EQ(events(cut), 1u) << cut;
  }
  EXPECT_EQ(warning("00 ff 2f 00 00 90 3c 40"), "data after End of Track");
  EXPECT_EQ(events("00 ff 2f 00 00 90 3c 40"), 1u);
}

TEST(MidiReader, StrayBytesAreEventsWithoutData) {
  const MidiFile file = read(midi_file({"00 3c 00 f1 00 fe 00 ff 2f 00"}));
  const std::vector<MidiEvent>& events = file.tracks[0].events;
  EXPECT_EQ(events[0].status, 0);  // nothing to run on; the byte is read again as a time,
  EXPECT_EQ(events[0].tick, 0);    // 0x3c, and the next as a status it is not
  EXPECT_EQ(events[1].tick, 0x3c);
  EXPECT_EQ(events[1].status, 0);
  EXPECT_EQ(read(midi_file({"05 f1 07 fe 00 ff 2f 00"})).tracks[0].events[1].status, 0xfe);
  EXPECT_EQ(only_warning(midi_file({"05 f1 07 fe 00 ff 2f 00"})), "status byte that files cannot hold");
}

TEST(MidiReader, TrackCountsAreChecked) {
  const Bytes track = chunk("MTrk", hex("00 ff 2f 00"));
  EXPECT_EQ(only_warning(header(1, 2, 96) + track), "track that the header counts and the file lacks");
  EXPECT_EQ(only_warning(header(1, 1, 96) + track + track), "track beyond the header's count");
  EXPECT_EQ(read(header(1, 1, 96) + track + track).tracks.size(), 2u);
  EXPECT_EQ(only_warning(header(1, 1, 96) + track + hex("00 00 00")), "bytes after the last chunk");
}

TEST(MidiReader, HostileLengthsCostNothing) {
  EXPECT_EQ(only_warning(header(1, 1, 96) + hex("4d54726b ffffffff 00ff2f00")),
            "chunk that runs past the end of the file");
  EXPECT_EQ(read(header(1, 65535, 96)).tracks.size(), 0u);
  const MidiFile file = read(midi_file({"00 ff 01 ff ff ff ff ff ff ff ff ff 7f 00 00"}));
  EXPECT_TRUE(file.tracks[0].events.empty());
}

TEST(MidiReader, TimesAddUpBeyond32Bits) {
  const MidiFile file =
      read(midi_file({"ff ff ff 7f 90 3c 40 ff ff ff 7f 3c 00 ff ff ff 7f ff 01 00 ff ff ff 7f ff 01 00"
                      "ff ff ff 7f ff 01 00 ff ff ff 7f ff 01 00 ff ff ff 7f ff 01 00 ff ff ff 7f ff 01 00"
                      "ff ff ff 7f ff 2f 00"}));
  EXPECT_EQ(file.tracks[0].events.back().tick, 9 * std::int64_t{0x0fffffff});
}

TEST(MidiReader, WhatIsNotMidiIsAnError) {
  EXPECT_THROW(read({}), Error);
  EXPECT_THROW(read(hex("4d54")), Error);
  EXPECT_THROW(read(hex("4d546864 00000006 0001 0001")), Error);
  EXPECT_THROW(read(hex("89504e47 0d0a1a0a 00000000 00000000")), Error);
}

TEST(MidiReader, StrictnessNamesTheFileTheFaultAndItsPlace) {
  EXPECT_EQ(strict_error(midi_file({"00 90 3c c0 00 ff 2f 00"})),
            "a.mid: data byte above 127 at byte 24; repair the file or read it without strictness.");
  EXPECT_NE(strict_error(midi_file({"00 90 3c 40"})).find("track without End of Track at byte 26"), std::string::npos);
  EXPECT_NE(strict_error(midi_file({"00 ff 51 02 07 a1 00 ff 2f 00"})).find("meta event of a wrong length"),
            std::string::npos);
  EXPECT_NE(strict_error(header(3, 0, 96)).find("format other than 0, 1 and 2"), std::string::npos);
  EXPECT_NE(strict_error(header(1, 0, 0)).find("division"), std::string::npos);
}

TEST(MidiWriter, CanonicalFilesComeBackByteForByte) {
  const Bytes bytes = midi_file({"00 ff 51 03 07 a1 20 00 ff 2f 00",
                                 "00 90 3c 40 81 00 3c 00 00 ff 01 01 78 00 90 3e 40"
                                 "ff ff ff 7f 80 3e 00 00 c5 07 00 08 00 ff 2f 00"});
  EXPECT_EQ(write_midi(read(bytes)), bytes);
}

TEST(MidiWriter, RunningStatusCanBeLeftOff) {
  const Bytes bytes = midi_file({"00 90 3c 40 00 3d 40 00 ff 2f 00"});
  EXPECT_EQ(write_midi(read(bytes), {.running_status = false}), midi_file({"00 90 3c 40 00 90 3d 40 00 ff 2f 00"}));
}

TEST(MidiWriter, RepairsWhatFilesCannotHold) {
  EXPECT_EQ(write_midi(read(midi_file({"00 90 3c c0"}))), midi_file({"00 90 3c 7f 00 ff 2f 00"}));
  EXPECT_EQ(write_midi(read(midi_file({"05 f1 07 90 3c 40"}))), midi_file({"0c 90 3c 40 00 ff 2f 00"}));
  EXPECT_EQ(write_midi(read(header(1, 7, 96) + chunk("MTrk", {}))), midi_file({"00 ff 2f 00"}));
}

TEST(MidiWriter, RefusesTimesThatCannotBeWritten) {
  MidiFile file;
  file.tracks.resize(1);
  file.tracks[0].add_channel(10, 0x90, 60, 64);
  file.tracks[0].add_channel(9, 0x90, 60, 0);
  EXPECT_THROW(write_midi(file), Error);
  file.tracks[0].events[1].tick = 10 + std::int64_t{0x0fffffff};
  EXPECT_EQ(read(write_midi(file)).tracks[0].events[1].tick, 10 + std::int64_t{0x0fffffff});
  file.tracks[0].events[1].tick += 1;
  EXPECT_THROW(write_midi(file), Error);
  file.tracks.assign(65536, {});
  EXPECT_THROW(write_midi(file), Error);
}

TEST(MidiWriter, MadeEventsKeepTheirPayloads) {
  MidiFile file;
  file.tracks.resize(1);
  file.add_meta(file.tracks[0], 0, meta::kText, std::to_array<std::uint8_t>({'h', 'i'}));
  file.add_system_exclusive(file.tracks[0], 5, midi::kSystemExclusive, std::to_array<std::uint8_t>({0x43, 0xf7}));
  EXPECT_EQ(write_midi(file), midi_file({"00 ff 01 02 68 69 05 f0 02 43 f7 00 ff 2f 00"}, 1, 480));
}

}  // namespace
}  // namespace polonaise::io
