#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "io/encodings/encoding.h"
#include "io/midi/score.h"

namespace polonaise::io {

// Pedal and tempo on an encoding's time grid, for the optional tokens. `to_grid` is as in grid_notes.h; `start` is
// the step of the first note, from which times count, and `end` the time of the last note's end.

struct PedalChange {
  std::int64_t time = 0;
  bool down = false;
};

// One pedal for all channels, down while it is down on any but the percussion's; up before the first change. At one
// time it goes down or up, or up and down again. Behind the end only the next lift is kept.
std::vector<PedalChange> pedal_changes(const Score& score, const std::function<std::int64_t(std::int64_t)>& to_grid,
                                       std::int64_t start, std::int64_t end, LossReport& report);

// Tempos are classes i of 120 * 2^((i - 26) / 10) quarters a minute: 20 to 295, 7 % apart.
inline constexpr int kTempos = 40;
inline constexpr int kFirstTempo = 26;

int tempo_class(std::uint32_t microseconds_per_quarter);  // the nearest, in log
std::uint32_t class_microseconds(int tempo);

struct TempoChange {
  std::int64_t time = 0;
  int tempo = 0;
};

// The class at time 0, then its changes before the end, one at a time at most. Counts what the classes round.
std::vector<TempoChange> tempo_changes(const Score& score, const std::function<std::int64_t(std::int64_t)>& to_grid,
                                       std::int64_t start, std::int64_t end, LossReport& report);

}  // namespace polonaise::io
