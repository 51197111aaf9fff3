#pragma once

#include <cstdint>

namespace polonaise::io {

// What a user asks of a sample. Encoding::grammar() throws Error where it cannot be had.
struct GrammarOptions {
  std::uint16_t pitch_classes = 0xFFF;  // bit c: pitch class c (0 is C) may sound
  int lowest = 0, highest = 127;        // MIDI keys
  int max_polyphony = 0;                // 0: any
  // Exact length, the opening included; 0: open. One of them at most. A bar has four quarters where an encoding knows
  // no meter, a quarter half a second where it knows no tempo.
  double bars = 0, seconds = 0;
};

}  // namespace polonaise::io
