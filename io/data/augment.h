#pragma once

#include "io/files/warnings.h"
#include "io/midi/score.h"
#include "kernels/events/events.h"

namespace polonaise::io {

// A piece of music in another key or at another tempo, so that there is more to train on.

// Moves every note that is not percussion by `semitones`; notes that would leave 0..127 are dropped and counted.
Score transpose(const Score& score, int semitones, Warnings& warnings);

// The notes played `factor` (> 0) times as fast: tempos change, ticks do not.
Score scale_tempo(const Score& score, double factor);

// The roll with every key `semitones` higher; keys that leave the 88 are dropped and counted.
Events transpose_roll(const EventsView& roll, int semitones, Warnings& warnings);

}  // namespace polonaise::io
