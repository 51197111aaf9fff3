#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/midi/midi.h"
#include "io/midi/midi_parser.h"
#include "io/midi/notes.h"
#include "io/midi/score.h"

namespace polonaise::io {

// The note layer's half of reading: a sink of MidiTrackParser that pairs notes as they pass (rules: io/midi/notes.h).
//
// `open_` holds for each channel and pitch the first and last of its sounding notes; until its note-off comes, a note's
// duration holds the index of the next one on its key (-1: none). So each event costs constant time, and nothing but
// the notes themselves is allocated.
class ScoreBuilder {
 public:
  ScoreBuilder(std::uint16_t format, std::uint16_t division, MidiFaults& faults);

  void reserve(std::size_t notes) { score_.notes.reserve(notes); }
  void begin_track(const std::uint8_t* file);  // `file`: what offsets in messages count from
  void end_track(std::int64_t tick);
  Score finish();

  void channel(std::int64_t tick, std::uint8_t status, std::uint8_t first, std::uint8_t second,
               const std::uint8_t* at) {
    if ((first | second) >= 0x80) {
      fault(MidiFault::kDataByte, at);
      if (first >= 0x80) return;
      second = std::min<std::uint8_t>(second, 127);
    }
    const std::uint8_t kind = status & 0xF0;
    if (kind == midi::kNoteOn && second > 0) return note_on(tick, status & 0x0F, first, second);
    if (kind <= midi::kNoteOn) return note_off(tick, status & 0x0F, first);
    if (kind == midi::kControlChange && first == midi::kSustainPedal) pedal(tick, status & 0x0F, second >= 64);
    if (kind == midi::kProgramChange) program(tick, status & 0x0F, first);
  }
  void meta(std::int64_t tick, std::uint8_t type, const std::uint8_t* bytes, std::size_t length) {
    if (type == meta::kTempo) return tempo(tick, bytes, length);
    if (type == meta::kTimeSignature) return time_signature(tick, bytes, length);
    if (type == meta::kMarker) marker(tick, bytes, length);
  }
  void system_exclusive(std::int64_t, std::uint8_t, const std::uint8_t*, std::size_t) {}
  void stray_status(std::int64_t, std::uint8_t) {}
  void fault(MidiFault fault, const std::uint8_t* at) { faults_.add(fault, static_cast<std::size_t>(at - file_)); }

 private:
  static constexpr std::size_t kChannels = 16;
  static constexpr std::uint8_t kNoProgram = 0xFF;  // the track has named none yet

  struct Sounding {
    std::int32_t first;
    std::int32_t last;
  };
  struct ProgramChange {
    std::int64_t tick;
    std::uint8_t channel;
    std::uint8_t program;
  };

  bool late(std::int64_t tick) {
    if (static_cast<std::uint64_t>(tick) <= latest_) return false;
    faults_.add(MidiFault::kLateEvent);
    return true;
  }
  // A track's time as the score's, the latest possible for what is later.
  std::int64_t time(std::int64_t tick) const {
    return start_ + static_cast<std::int64_t>(std::min(static_cast<std::uint64_t>(tick), latest_));
  }

  void note_on(std::int64_t tick, std::uint8_t channel, std::uint8_t pitch, std::uint8_t velocity) {
    if (late(tick)) return;
    const auto index = static_cast<std::int32_t>(score_.notes.size());
    Sounding& key = open_[channel * 128u + pitch];
    if (key.first < 0) {
      key.first = index;
    } else {
      score_.notes[static_cast<std::size_t>(key.last)].duration = index;
      faults_.add(MidiFault::kOverlappingNote);
    }
    key.last = index;
    ++sounding_;
    score_.notes.push_back({.onset = tick + start_,
                            .duration = -1,
                            .pitch = pitch,
                            .velocity = velocity,
                            .channel = channel,
                            .program = program_[channel],
                            .track = track_});
  }

  void note_off(std::int64_t tick, std::uint8_t channel, std::uint8_t pitch) {
    Sounding& key = open_[channel * 128u + pitch];
    if (key.first < 0) return faults_.add(MidiFault::kStrayNoteOff);
    end_first(key, time(tick));
  }

  void end_first(Sounding& key, std::int64_t end) {
    Note& note = score_.notes[static_cast<std::size_t>(key.first)];
    key.first = static_cast<std::int32_t>(note.duration);
    note.duration = std::max<std::int64_t>(end - note.onset, 0);
    --sounding_;
  }

  void pedal(std::int64_t tick, std::uint8_t channel, bool down);
  void program(std::int64_t tick, std::uint8_t channel, std::uint8_t program);
  void tempo(std::int64_t tick, const std::uint8_t* bytes, std::size_t length);
  void time_signature(std::int64_t tick, const std::uint8_t* bytes, std::size_t length);
  void marker(std::int64_t tick, const std::uint8_t* bytes, std::size_t length);
  void merge_tracks();
  void borrow_programs();

  MidiFaults& faults_;
  Score score_;
  std::array<Sounding, kChannels * 128> open_;
  std::size_t sounding_ = 0;
  std::array<std::uint8_t, kChannels> program_{};  // of the track
  std::vector<ProgramChange> programs_;            // of all tracks
  std::vector<std::size_t> runs_;                  // where the notes of each track begin
  const std::uint8_t* file_ = nullptr;
  std::int64_t start_ = 0;  // of the track, in format 2
  std::uint64_t latest_ = static_cast<std::uint64_t>(kMaxTick);
  std::uint16_t track_ = 0;
  bool sequential_ = false;
  bool smpte_ = false;
};

}  // namespace polonaise::io
