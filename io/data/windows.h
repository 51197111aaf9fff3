#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/events/events.h"

namespace polonaise::io {

// Which stretches of the pieces an epoch trains on, and in which order.

enum class WindowKind : std::uint8_t {
  every_step,   // inputs e[s-1 .. s+n-2], targets e[s .. s+n-1], n <= T: a target at each step
  many_to_one,  // inputs: the last up to T of start, e[0] .. e[i-1]; target e[i] alone
};

// In both kinds event -1 is the start event: the token `vocabulary`, or a frame without keys and of length 0.

struct WindowOptions {
  WindowKind kind = WindowKind::every_step;
  std::int64_t steps = 48;  // T >= 1
  std::int64_t stride = 1;  // many_to_one: a target every `stride` events, >= 1
  std::uint64_t seed = 0;
  // Off: windows in the order of the pieces, cut from each piece's first event, the same in each epoch.
  // On: shuffled, and each piece's cuts moved by a random offset, both drawn anew from (seed, epoch).
  bool shuffle = true;
};

// Inputs are events [first_target - 1 + targets - inputs, first_target - 1 + targets) of the piece, targets are
// [first_target, first_target + targets).
struct Window {
  std::int32_t piece = 0;
  std::int32_t inputs = 0;   // 1..T
  std::int32_t targets = 0;  // every_step: = inputs; many_to_one: 1
  std::int64_t first_target = 0;
  friend bool operator==(const Window&, const Window&) = default;
};

// All windows of an epoch; at least one of each piece that has events. In every_step each event of each piece is a
// target exactly once.
std::vector<Window> epoch_windows(std::span<const EventsView> pieces, const WindowOptions& options, std::int64_t epoch);

}  // namespace polonaise::io
