#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "io/midi/score.h"

namespace polonaise::io {

struct PianoRollOptions {
  std::string title;
  double pixels_per_quarter = 24;  // 2..200
  double width = 1152;             // of a row of bars, before the row below begins
  // Bars to draw, from 1; a change of meter begins a new bar.
  std::int64_t first_bar = 1;
  std::int64_t last_bar = std::numeric_limits<std::int64_t>::max();
};

// A piano roll as one SVG document without scripts or outside references, fit to stand alone or inside HTML: rows of
// bars as in a score, a lane for each semitone between the lowest and the highest C that hold the notes, C's named
// (C4 is pitch 60), bar numbers above and the time below. A note's colour is its track's, its opacity its velocity;
// those of an opening that a continuation follows are pale.
// Colours follow the reader's light or dark scheme. Percussion (channel 9) is left out. Throws Error for more than
// 10,000 bars, which no reader could see at once.
std::string piano_roll_svg(const Score& score, const PianoRollOptions& options);

}  // namespace polonaise::io
