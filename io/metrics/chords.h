#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "io/midi/score.h"

namespace polonaise::io {

// The progression of triads, one heard in each quarter note in which something sounds, and runs of the same one made
// one: 0..11 major on C, C#, ..., 12..23 minor. A quarter's triad is the one whose three pitch classes sound longest in
// it; of equals the first. Notes are those of pitched_notes(). Empty past kMaxChordBeats quarters.
inline constexpr std::int64_t kMaxChordBeats = 65536;
std::vector<int> chord_progression(std::span<const Note> notes, std::int64_t ticks_per_quarter);

// Chord-progression irregularity: different runs of three chords / all runs of three. (The reference code of Wu and
// Yang, ISMIR 2020, divides by one less.) None for fewer than three chords.
std::optional<double> chord_irregularity(std::span<const int> chords);

}  // namespace polonaise::io
