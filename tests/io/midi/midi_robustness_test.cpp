#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "io/files/error.h"
#include "io/midi/csv.h"
#include "io/midi/midi.h"
#include "io/midi/notes.h"
#include "tests/io/midi_bytes.h"

// Damaged and hostile files: whatever the bytes, reading ends, stays inside them (the sanitizers watch) and gives
// either Error or something that can be written and read again.
namespace polonaise::io {
namespace {

using namespace test;

std::string text_of(const Score& score) {
  std::string text = std::to_string(score.ticks_per_quarter);
  for (const Note& note : score.notes) {
    for (const std::int64_t value : {note.onset, note.duration, std::int64_t{note.pitch}, std::int64_t{note.velocity},
                                     std::int64_t{note.channel}, std::int64_t{note.program}}) {
      text += ' ' + std::to_string(value);
    }
  }
  for (const Tempo& tempo : score.tempos) text += " t" + std::to_string(tempo.tick);
  for (const TimeSignature& meter : score.time_signatures) text += " m" + std::to_string(meter.tick);
  for (const Pedal& pedal : score.pedals) text += " p" + std::to_string(pedal.tick);
  return text;
}

void expect_well_formed(const Score& score) {
  EXPECT_GE(score.ticks_per_quarter, 1);
  EXPECT_LE(score.ticks_per_quarter, 32767);
  const auto before = [](const Note& a, const Note& b) {
    return std::tie(a.onset, a.pitch, a.track, a.channel) < std::tie(b.onset, b.pitch, b.track, b.channel);
  };
  EXPECT_TRUE(std::is_sorted(score.notes.begin(), score.notes.end(), before));
  for (const Note& note : score.notes) {
    EXPECT_TRUE(note.onset >= 0 && note.duration >= 0 && note.end() <= kMaxTick);
    EXPECT_TRUE(note.pitch < 128 && note.velocity >= 1 && note.velocity < 128 && note.channel < 16 &&
                note.program < 128);
  }
}

// How many of the steps the bytes survived, so that a test can tell that it tested anything.
int survive(const Bytes& bytes) {
  Warnings warnings;
  MidiFile file;
  try {
    file = read_midi(bytes, warnings);
  } catch (const Error&) {
    EXPECT_THROW(read_score(bytes, warnings), Error);
    return 0;
  }
  const Score score = read_score(bytes, warnings);
  expect_well_formed(score);
  EXPECT_EQ(text_of(score), text_of(read_score(file, warnings)));
  for (const CsvDialect dialect : {CsvDialect::midicsv, CsvDialect::py_midicsv}) {
    read_csv(write_csv(file, warnings, dialect));
  }
  try {
    read_midi(bytes, warnings, {.strict = true});
  } catch (const Error&) {
  }
  try {
    const Bytes written = write_midi(file);
    Warnings none;
    EXPECT_EQ(write_midi(read_midi(written, none)), written);
    EXPECT_EQ(text_of(read_score(write_score(score), none)), text_of(score));
  } catch (const Error&) {
    return 1;  // times that files cannot hold
  }
  return 2;
}

TEST(MidiRobustness, EveryTruncation) {
  const Bytes whole = rich_file();
  int survived = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    survived += survive(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))) == 2;
    ASSERT_FALSE(HasFailure()) << size;
  }
  EXPECT_EQ(survived, static_cast<int>(whole.size()) - 14);  // all that hold the header
}

TEST(MidiRobustness, EveryByteFlipped) {
  const Bytes whole = rich_file();
  int survived = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int mask : {0x01, 0x10, 0x40, 0x80, 0xff}) {
      Bytes bytes = whole;
      bytes[at] ^= static_cast<std::byte>(mask);
      survived += survive(bytes) == 2;
      ASSERT_FALSE(HasFailure()) << at << " ^ " << mask;
    }
  }
  EXPECT_GT(survived, static_cast<int>(whole.size()) * 4);
}

TEST(MidiRobustness, RandomMutations) {
  const Bytes whole = rich_file();
  std::mt19937 random(2023);
  const auto below = [&](std::size_t bound) { return random() % bound; };
  int survived = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes = whole;
    for (std::size_t edits = 1 + below(6); edits > 0; --edits) {
      const auto at = static_cast<std::ptrdiff_t>(below(bytes.size()));
      switch (below(4)) {
        case 0:
          bytes[static_cast<std::size_t>(at)] = static_cast<std::byte>(random());
          break;
        case 1:
          bytes.insert(bytes.begin() + at, static_cast<std::byte>(random()));
          break;
        case 2:
          bytes.erase(bytes.begin() + at);
          break;
        default:
          bytes[static_cast<std::size_t>(at)] = std::byte{0xff};
      }
    }
    survived += survive(bytes) > 0;
    ASSERT_FALSE(HasFailure()) << "round " << round;
  }
  EXPECT_GT(survived, 10'000);
}

TEST(MidiRobustness, MutatedCsvIsReadOrRefused) {
  Warnings warnings;
  const std::string whole = write_csv(read_midi(rich_file(), warnings), warnings);
  std::mt19937 random(7);
  int read = 0;
  for (int round = 0; round < 5'000; ++round) {
    std::string text = whole;
    for (int edits = 0; edits < 4; ++edits) {
      text[random() % text.size()] = "0129-,\"\\ \n\rA;#\x80\xff"[random() % 16];
    }
    try {
      const Bytes written = write_midi(read_csv(text).midi);
      EXPECT_EQ(write_midi(read_midi(written, warnings)), written);
      ++read;
    } catch (const Error&) {
    }
  }
  EXPECT_GT(read, 4'000);
}

TEST(MidiRobustness, NoLengthMakesReadingSlowOrLarge) {
  const Bytes heads = hex("4d54726b ffffffff");
  Bytes many = header(1, 65535, 96);
  for (int track = 0; track < 20'000; ++track) many = std::move(many) + chunk("MTrk", {});
  EXPECT_EQ(survive(many), 2);
  for (const char* length : {"ff ff ff 7f", "ff ff ff ff ff ff ff ff ff 7f", "81 ff ff ff ff ff ff ff ff 7f"}) {
    for (const char* event : {"00 f0 ", "00 f7 ", "00 ff 01 ", "00 ff 51 ", "00 ff 7f ", "00 ff 2f ", "00 ff 60 "}) {
      survive(header(1, 1, 96) + heads + hex(std::string(event) + length + "07 a1 20 00 90 3c 40"));
    }
  }
}

TEST(MidiRobustness, WorstCasesStayLinear) {
  const auto repeat = [](std::string_view events, int times) {
    Bytes bytes;
    const Bytes part = hex(events);
    for (int time = 0; time < times; ++time) bytes.insert(bytes.end(), part.begin(), part.end());
    return header(1, 1, 96) + chunk("MTrk", bytes);
  };
  const auto notes = [](const Bytes& bytes) {
    Warnings warnings;
    return read_score(bytes, warnings).notes.size();
  };
  EXPECT_EQ(notes(repeat("00 90 3c 40", 200'000)), 200'000u);              // all hang on one key
  EXPECT_EQ(notes(repeat("00 90 3d 40 00 90 3c 40", 100'000)), 200'000u);  // one chord that never ends
  EXPECT_EQ(notes(repeat("01 90 3c 40 00 3c 40 01 3c 00", 100'000)), 200'000u);
  EXPECT_EQ(notes(repeat("00 c0 01 00 91 3c 40", 100'000)), 100'000u);
}

}  // namespace
}  // namespace polonaise::io
