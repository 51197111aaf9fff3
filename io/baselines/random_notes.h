#pragma once

#include <cstdint>

#include "io/midi/score.h"

namespace polonaise::io {

// What chance makes of a piece's size, or of its continuation's where it has one, for scale beside what a metric says
// of music: as many notes as `score` has without percussion, as long a piece, the same tempos and time signatures, no
// pedal. Each note by itself, evenly: its onset on one of the piece's sixteenths, its pitch on one of a piano's 88
// keys, its length one of 1 to 16 sixteenths, its velocity one of 1 to 127. The same score and seed give the same notes
// everywhere.
Score random_notes(const Score& score, std::uint64_t seed);

}  // namespace polonaise::io
