#include "io/midi/notes.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "io/files/error.h"
#include "io/files/file.h"
#include "io/midi/tempo_map.h"
#include "tests/io/midi_bytes.h"

namespace polonaise::io {
namespace {

using namespace test;

Score read(const Bytes& bytes) {
  Warnings warnings;
  return read_score(bytes, warnings);
}

// "onset+duration:pitch" of each note.
std::string notes_of(const Score& score) {
  std::string text;
  for (const Note& note : score.notes) {
    if (!text.empty()) text += ' ';
    text += std::to_string(note.onset) + '+' + std::to_string(note.duration) + ':' + std::to_string(note.pitch);
  }
  return text;
}

std::string notes_of(std::string_view track) {
  return notes_of(read(midi_file({track})));
}

void expect_equal(const Score& a, const Score& b) {
  EXPECT_EQ(a.ticks_per_quarter, b.ticks_per_quarter);
  EXPECT_EQ(a.notes, b.notes);
  EXPECT_EQ(a.tempos, b.tempos);
  EXPECT_EQ(a.time_signatures, b.time_signatures);
  EXPECT_EQ(a.pedals, b.pedals);
  EXPECT_EQ(a.continuation, b.continuation);
}

TEST(Notes, PairOnsWithOffs) {
  EXPECT_EQ(notes_of("00 90 3c 40  10 80 3c 40  00 ff 2f 00"), "0+16:60");
  EXPECT_EQ(notes_of("00 90 3c 40  10 90 3c 00  00 ff 2f 00"), "0+16:60");
  EXPECT_EQ(notes_of("00 90 3c 40  00 90 3c 00  00 ff 2f 00"), "0+0:60");
}

TEST(Notes, ChordsAreSortedByPitch) {
  EXPECT_EQ(notes_of("00 90 43 40 00 40 40 00 3c 40  10 43 00 00 40 00 00 3c 00 00 ff 2f 00"),
            "0+16:60 0+16:64 0+16:67");
}

TEST(Notes, OverlappingNotesPairFirstWithFirst) {
  EXPECT_EQ(notes_of("00 90 3c 40  08 3c 41  08 3c 00  10 3c 00  00 ff 2f 00"), "0+16:60 8+24:60");
  // An off at the next note's own tick but after its on still ends the earlier note.
  EXPECT_EQ(notes_of("00 90 3c 40  10 3c 41  00 3c 00  10 3c 00  00 ff 2f 00"), "0+16:60 16+16:60");
  Warnings warnings;
  read_score(midi_file({"00 90 3c 40 08 3c 41 08 3c 42 08 3c 00 00 3c 00 00 3c 00 00 ff 2f 00"}), warnings);
  EXPECT_EQ(count(warnings, "overlaps"), 2);
}

TEST(Notes, ChannelsAndTracksPairApart) {
  EXPECT_EQ(notes_of("00 90 3c 40 00 91 3c 40 08 81 3c 00 08 80 3c 00 00 ff 2f 00"), "0+16:60 0+8:60");
  EXPECT_EQ(notes_of(read(midi_file({"00 90 3c 40 20 3c 00 00 ff 2f 00", "08 90 3c 40 08 3c 00 00 ff 2f 00"}))),
            "0+32:60 8+8:60");
}

TEST(Notes, HangingNotesEndWithTheirTrack) {
  Warnings warnings;
  const Score score =
      read_score(midi_file({"00 90 3c 40 10 3e 40 10 ff 2f 00", "00 90 3c 40 08 3c 00 00 ff 2f 00"}), warnings);
  EXPECT_EQ(notes_of(score), "0+32:60 0+8:60 16+16:62");
  EXPECT_EQ(count(warnings, "without a note-off"), 2);
}

TEST(Notes, StrayNoteOffsAreCounted) {
  Warnings warnings;
  EXPECT_EQ(notes_of(read_score(midi_file({"00 80 3c 40 00 90 3c 00 00 ff 2f 00"}), warnings)), "");
  EXPECT_EQ(count(warnings, "note-off without a note"), 2);
}

TEST(Notes, DataBytesAbove127AreRepaired) {
  Warnings warnings;
  const Score score = read_score(midi_file({"00 90 3c c0 00 90 90 40 10 80 3c 00 00 ff 2f 00"}), warnings);
  EXPECT_EQ(notes_of(score), "0+16:60");
  EXPECT_EQ(score.notes[0].velocity, 127);
  EXPECT_EQ(count(warnings, "above 127"), 2);
}

TEST(Notes, ManyNotesOnOneTickAreSorted) {
  std::string track;
  for (int pitch = 90; pitch >= 30; --pitch) {
    const char* digits = "0123456789abcdef";
    track += std::string("00 90 ") + digits[pitch / 16] + digits[pitch % 16] + " 40 ";
  }
  const Score score = read(midi_file({track + "10 ff 2f 00"}));
  ASSERT_EQ(score.notes.size(), 61u);
  for (std::size_t index = 0; index < 61; ++index) EXPECT_EQ(score.notes[index].pitch, 30 + index);
}

TEST(Notes, ProgramsComeFromTheOwnTrackFirst) {
  const Score score = read(midi_file({"00 c0 05  08 c1 06  08 90 3c 40  00 91 3c 40  00 92 3c 40  10 ff 2f 00",
                                      "00 90 3e 40  10 91 3e 40  00 c0 07  00 90 40 40  08 ff 2f 00"}));
  ASSERT_EQ(score.notes.size(), 6u);
  const auto program = [&](int pitch, int channel) {
    for (const Note& note : score.notes) {
      if (note.pitch == pitch && note.channel == channel) return int{note.program};
    }
    return -1;
  };
  EXPECT_EQ(program(0x3c, 0), 5);
  EXPECT_EQ(program(0x3c, 1), 6);
  EXPECT_EQ(program(0x3c, 2), 0);
  EXPECT_EQ(program(0x3e, 0), 5);  // borrowed
  EXPECT_EQ(program(0x3e, 1), 6);  // borrowed at tick 16
  EXPECT_EQ(program(0x40, 0), 7);  // its own
}

TEST(Notes, TemposAndMetersMergeAndTheLastOfATickCounts) {
  const Score score =
      read(midi_file({"00 ff 51 03 07 a1 20  60 ff 51 03 06 1a 80  00 ff 58 04 06 03 24 08  00 ff 2f 00",
                      "30 ff 51 03 0f 42 40  30 ff 51 03 09 27 c0  00 ff 2f 00"}));
  EXPECT_EQ(score.tempos, (std::vector<Tempo>{{0, 500000}, {0x30, 1000000}, {0x60, 600000}}));
  EXPECT_EQ(score.time_signatures, (std::vector<TimeSignature>{{0x60, 6, 8}}));
}

TEST(Notes, MeaninglessTemposAndMetersAreDropped) {
  Warnings warnings;
  const Score score = read_score(midi_file({"00 ff 51 03 00 00 00 00 ff 51 02 07 a1 00 ff 58 04 00 02 18 08"
                                            "00 ff 58 04 04 08 18 08 00 ff 58 01 04 00 ff 2f 00"}),
                                 warnings);
  EXPECT_TRUE(score.tempos.empty());
  EXPECT_TRUE(score.time_signatures.empty());
  EXPECT_EQ(count(warnings, "tempo of zero"), 2);
  EXPECT_EQ(count(warnings, "time signature without meaning"), 3);
}

TEST(Notes, PedalKeepsChangesOnly) {
  const Score score = read(midi_file({"00 b0 40 00 10 40 40 00 40 7f 10 40 3f 10 40 10 00 b1 40 50 00 ff 2f 00"}));
  EXPECT_EQ(score.pedals, (std::vector<Pedal>{{16, 0, true}, {32, 0, false}, {48, 1, true}}));
}

// Markers "continuation", "Continuation" and "cut", and a text "continuation".
constexpr std::string_view kMarker = " ff 06 0c 63 6f 6e 74 69 6e 75 61 74 69 6f 6e ";
constexpr std::string_view kOtherMarker = " ff 06 0c 43 6f 6e 74 69 6e 75 61 74 69 6f 6e ";
constexpr std::string_view kShortMarker = " ff 06 03 63 75 74 ";
constexpr std::string_view kSameText = " ff 01 0c 63 6f 6e 74 69 6e 75 61 74 69 6f 6e ";

std::optional<std::int64_t> continuation_of(std::initializer_list<std::string_view> tracks) {
  Warnings warnings;
  const auto found = read_score(midi_file(tracks), warnings, {.strict = true}).continuation;
  EXPECT_TRUE(warnings.entries().empty());
  return found;
}

TEST(Notes, AContinuationBeginsAtItsMarker) {
  const auto track = [](std::string_view marker) { return "08" + std::string(marker) + "00 ff 2f 00"; };
  EXPECT_EQ(continuation_of({track(kMarker)}), 8);
  for (const std::string_view other : {kOtherMarker, kShortMarker, kSameText}) {
    EXPECT_EQ(continuation_of({track(other)}), std::nullopt) << other;
  }
  EXPECT_EQ(continuation_of({"00 ff 06 00 00 ff 2f 00"}), std::nullopt) << "a marker without text";
}

TEST(Notes, OfSeveralMarkersTheFirstCounts) {
  const std::string marker(kMarker);
  EXPECT_EQ(continuation_of({"08" + std::string(kShortMarker) + "08" + marker + "08" + marker + "00 ff 2f 00"}), 16);
  EXPECT_EQ(continuation_of({"20" + marker + "00 ff 2f 00", "10" + marker + "00 ff 2f 00"}), 16);
}

TEST(Notes, SmpteTimesBecomeQuartersOfHalfASecond) {
  Warnings warnings;
  const Score score =
      read_score(midi_file({"00 ff 51 03 0f 42 40 00 90 3c 40 87 68 3c 00 00 ff 2f 00"}, 1, 0xe728), warnings);
  EXPECT_EQ(score.ticks_per_quarter, 500);  // 25 frames of 40 ticks
  EXPECT_EQ(score.tempos, (std::vector<Tempo>{{0, 500000}}));
  EXPECT_DOUBLE_EQ(TempoMap(score).seconds(score.notes[0].end()), 1.0);
  EXPECT_EQ(count(warnings, "SMPTE"), 1);
  const Score drop = read(midi_file({"00 ff 2f 00"}, 1, 0xe364));  // 30000/1001 frames of 100 ticks
  EXPECT_NEAR(TempoMap(drop).seconds(299700), 100.0, 1e-3);
}

TEST(Notes, TracksOfFormat2FollowOneAnother) {
  const Score score =
      read(midi_file({"00 90 3c 40 10 3c 00 10 ff 2f 00", "08 ff 51 03 07 a1 20 00 90 3e 40 10 3e 00 00 ff 2f 00",
                      "00 90 40 40 10 40 00 00 ff 2f 00"},
                     2));
  EXPECT_EQ(notes_of(score), "0+16:60 40+16:62 56+16:64");
  EXPECT_EQ(score.tempos, (std::vector<Tempo>{{40, 500000}}));
}

TEST(Notes, TimesStayBelow2To31) {
  Warnings warnings;
  const Score score = read_score(midi_file({"00 90 3c 40 ff ff ff ff 7f 3e 40 00 3c 00 00 ff 2f 00"}), warnings);
  EXPECT_EQ(notes_of(score), "0+2147483647:60");
  EXPECT_EQ(count(warnings, "2^31"), 1);
  // A number that wraps around 2^64 turns time back.
  const Score back = read(midi_file({"40 90 3c 40 81 ff ff ff ff ff ff ff ff 70 3e 40 00 ff 2f 00"}));
  EXPECT_EQ(notes_of(back), "48+0:62 64+0:60");
}

TEST(Notes, EventsAndBytesGiveTheSame) {
  Warnings from_bytes, from_events, ignored;
  const Score direct = read_score(rich_file(), from_bytes);
  expect_equal(read_score(read_midi(rich_file(), ignored), from_events), direct);
  EXPECT_EQ(notes_of(direct), "0+240:60 48+192:64");
  EXPECT_TRUE(from_bytes.empty());
}

TEST(ScoreWriter, ReadsBackAsItWas) {
  Score score;
  score.ticks_per_quarter = 480;
  score.notes = {{0, 480, 60, 64, 0, 0, 0}, {0, 480, 64, 1, 0, 0, 0},  {0, 0, 67, 127, 0, 0, 2},
                 {480, 10, 60, 5, 0, 9, 0}, {480, 10, 60, 5, 3, 4, 0}, {485, 480, 60, 7, 0, 9, 0}};
  score.tempos = {{0, 500000}, {480, 16777215}};
  score.time_signatures = {{0, 3, 4}, {1440, 255, 128}};
  score.pedals = {{0, 0, true}, {960, 0, false}};
  score.continuation = 480;
  expect_equal(read(write_score(score)), score);
  expect_equal(read(write_score(score, "made by a test")), score);
}

TEST(ScoreWriter, WritesOneTrackAsFormat0WithItsText) {
  Score score;
  score.ticks_per_quarter = 96;
  score.notes = {{0, 16, 60, 64, 0, 0, 0}};
  EXPECT_EQ(write_score(score, "hi"), midi_file({"00 ff 01 02 68 69 00 c0 00 00 90 3c 40 10 3c 00 00 ff 2f 00"}, 0));
  score.continuation = 8;
  EXPECT_EQ(write_score(score),
            midi_file({"00 c0 00 00 90 3c 40 08" + std::string(kMarker) + "08 90 3c 00 00 ff 2f 00"}, 0));
  EXPECT_EQ(write_score(Score{}), midi_file({"00 ff 2f 00"}, 0, 480));
}

TEST(ScoreWriter, RefusesWhatMidiCannotHold) {
  const auto refuses = [](auto change) {
    Score score;
    score.notes = {{0, 480, 60, 64, 0, 0, 0}, {480, 480, 62, 64, 0, 0, 0}};
    change(score);
    EXPECT_THROW(write_score(score), Error);
  };
  refuses([](Score& score) { score.notes[0].pitch = 128; });
  refuses([](Score& score) { score.notes[0].velocity = 0; });
  refuses([](Score& score) { score.notes[0].channel = 16; });
  refuses([](Score& score) { score.notes[0].program = 128; });
  refuses([](Score& score) { score.notes[0].onset = -1; });
  refuses([](Score& score) { score.notes[0].onset = 481; });
  refuses([](Score& score) { score.notes[0].duration = -1; });
  refuses([](Score& score) { score.notes[1].duration = kMaxTick; });
  refuses([](Score& score) { score.notes[0].track = 65535; });
  refuses([](Score& score) { score.ticks_per_quarter = 0; });
  refuses([](Score& score) { score.ticks_per_quarter = 32768; });
  refuses([](Score& score) { score.tempos = {{0, 0}}; });
  refuses([](Score& score) { score.tempos = {{0, 1 << 24}}; });
  refuses([](Score& score) { score.time_signatures = {{0, 4, 3}}; });
  refuses([](Score& score) { score.pedals = {{0, 16, true}}; });
  refuses([](Score& score) { score.continuation = -1; });
  refuses([](Score& score) { score.continuation = std::int64_t{1} << 31; });
  refuses([](Score& score) { score.notes[1].onset = 1 << 30; });  // a gap that no variable-length number holds
}

TEST(Pedal, HoldsNotesUntilItComesUp) {
  Score score;
  score.notes = {
      {0, 10, 60, 64, 0, 0, 0}, {20, 5, 62, 64, 0, 0, 0}, {20, 5, 62, 64, 1, 0, 0}, {60, 5, 64, 64, 0, 0, 0}};
  score.pedals = {{5, 0, true}, {50, 0, false}};
  apply_pedal(score);
  EXPECT_EQ(notes_of(score), "0+50:60 20+30:62 20+5:62 60+5:64");
  EXPECT_TRUE(score.pedals.empty());
}

TEST(Pedal, ActsFromDownToUp) {
  Score score;
  score.notes = {{0, 10, 60, 64, 0, 0, 0}, {0, 20, 61, 64, 0, 0, 0}, {0, 30, 62, 64, 0, 0, 0}};
  score.pedals = {{10, 0, true}, {20, 0, false}};
  apply_pedal(score);
  EXPECT_EQ(notes_of(score), "0+20:60 0+20:61 0+30:62");
}

TEST(Pedal, NextStrokeOrThePiecesEndStopsAHeldNote) {
  Score score;
  score.notes = {{0, 10, 60, 64, 0, 0, 0}, {30, 10, 60, 64, 0, 0, 1}, {50, 40, 72, 64, 0, 0, 0}};
  score.pedals = {{0, 0, true}};
  apply_pedal(score);
  EXPECT_EQ(notes_of(score), "0+30:60 30+60:60 50+40:72");
}

TEST(TempoMapTest, SecondsAndTicksAreInverse) {
  Score score;
  score.ticks_per_quarter = 480;
  EXPECT_DOUBLE_EQ(TempoMap(score).seconds(960), 1.0);
  score.tempos = {{480, 1000000}, {960, 250000}};
  const TempoMap map(score);
  EXPECT_DOUBLE_EQ(map.seconds(480), 0.5);
  EXPECT_DOUBLE_EQ(map.seconds(960), 1.5);
  EXPECT_DOUBLE_EQ(map.seconds(1440), 1.75);
  for (const std::int64_t tick : {0, 1, 479, 480, 481, 959, 960, 961, 1'000'000})
    EXPECT_EQ(map.tick(map.seconds(tick)), tick);
  EXPECT_EQ(map.tick(-1.0), 0);
}

TEST(NotesOfAsap, AreAllThere) {
  const auto folder = music_folder("asap-scores");
  if (!folder) GTEST_SKIP() << "POLONAISE_TEST_DATA names no folder with asap-scores";
  std::size_t files = 0, notes = 0;
  for (const auto& path : midi_files_in(*folder)) {
    Warnings warnings;
    const Score score = read_score(path, warnings, /*strict=*/true);
    ++files;
    notes += score.notes.size();
    expect_equal(read(write_score(score)), score);
    ASSERT_FALSE(HasFailure()) << path;
  }
  EXPECT_EQ(files, 235u);
  EXPECT_EQ(notes, 681'607u);
}

}  // namespace
}  // namespace polonaise::io
