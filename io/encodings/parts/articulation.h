#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "io/encodings/encoding.h"
#include "io/encodings/parts/grid_notes.h"

namespace polonaise::io {

// How long a note sounds of the length that notation would give it, which is the time until the first onset of any note
// at or after its end: 0 staccato, about 1/2 of it (from 3/8); 1 normal, about 3/4 (from 5/8); 2 legato, all of it
// (from 7/8). Notes that sound shorter than 3/8 of that time end in a rest: they keep their length, as do those that
// are the last to end, and as do those where another note begins between the end that the class means and that onset.
// So what was decoded is notated as before.
inline constexpr int kArticulations = 3;
inline constexpr int kLegato = 2;

// How long a note of `notated` steps sounds, at least one.
std::int64_t sounding_length(std::int64_t notated, int articulation);

// Replaces the ends of the notes, which are sorted by `on`, by those of their notated lengths, and returns each note's
// articulation. `writable` gives the nearest length that the encoding can write (its own lengths are left alone); no
// note is given more than `longest`. A decoder plays a note for writable(sounding_length(its length, articulation)).
std::vector<int> articulate(std::vector<GridNote>& notes, std::int64_t longest,
                            const std::function<std::int64_t(std::int64_t)>& writable, LossReport& report);

}  // namespace polonaise::io
