#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace polonaise::io {

// A piece of music as notes: what encodings read and write, and what the note layer (notes.h) makes of a MIDI file.
// Times and lengths are ticks, `ticks_per_quarter` of them to a quarter note (SMPTE files are converted so that this
// holds too). Every sequence is sorted by time; notes by (onset, pitch, track, channel).

inline constexpr std::uint8_t kPercussionChannel = 9;  // in General MIDI

struct Note {
  std::int64_t onset = 0;     // >= 0
  std::int64_t duration = 0;  // >= 0; grace notes of length 0 occur
  std::uint8_t pitch = 0;     // 0..127, 60 = middle C
  std::uint8_t velocity = 0;  // 1..127
  std::uint8_t channel = 0;   // 0..15
  std::uint8_t program = 0;   // 0..127, General MIDI; 0..7 are pianos
  std::uint16_t track = 0;    // 0-based

  std::int64_t end() const { return onset + duration; }
  friend bool operator==(const Note&, const Note&) = default;
};

// Where the last of the notes ends; 0 without notes.
inline std::int64_t last_end(std::span<const Note> notes) {
  std::int64_t end = 0;
  for (const Note& note : notes) end = std::max(end, note.end());
  return end;
}

struct Tempo {
  std::int64_t tick = 0;
  std::uint32_t microseconds_per_quarter = 500000;  // >= 1
  friend bool operator==(const Tempo&, const Tempo&) = default;
};

struct TimeSignature {
  std::int64_t tick = 0;
  std::uint8_t numerator = 4;    // >= 1
  std::uint8_t denominator = 4;  // a power of two
  friend bool operator==(const TimeSignature&, const TimeSignature&) = default;
};

// Control change 64 (sustain): `down` is value >= 64.
struct Pedal {
  std::int64_t tick = 0;
  std::uint8_t channel = 0;
  bool down = false;
  friend bool operator==(const Pedal&, const Pedal&) = default;
};

// The text of the MIDI marker that stands where a model began to draw.
inline constexpr std::string_view kContinuationMarker = "continuation";

struct Score {
  std::int64_t ticks_per_quarter = 480;  // 1..32767
  std::vector<Note> notes;
  std::vector<Tempo> tempos;  // none: 120 quarters a minute throughout
  std::vector<TimeSignature> time_signatures;
  std::vector<Pedal> pedals;
  // Where the marker kContinuationMarker stands: notes that begin before it are an opening that was given, however long
  // they are held, the others were drawn to go on from it. None: nothing was given.
  std::optional<std::int64_t> continuation;
};

}  // namespace polonaise::io
