#pragma once

#include <cstdint>
#include <initializer_list>

#include "io/midi/score.h"

namespace polonaise::io {

struct Played {
  std::int64_t onset;  // ticks
  std::int64_t duration;
  int pitch;
  int channel = 0;
};

// A score in 4/4 with `ticks` to a quarter at 120 quarters a minute: a quarter lasts half a second.
inline Score score_of(std::initializer_list<Played> notes, std::int64_t ticks = 4) {
  Score score;
  score.ticks_per_quarter = ticks;
  for (const Played& note : notes) {
    score.notes.push_back({.onset = note.onset,
                           .duration = note.duration,
                           .pitch = static_cast<std::uint8_t>(note.pitch),
                           .velocity = 64,
                           .channel = static_cast<std::uint8_t>(note.channel)});
  }
  return score;
}

}  // namespace polonaise::io
