#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/base/view.h"

namespace polonaise {

// What a model needs to know of an encoding's events; models know no encoding.
struct EventShape {
  bool tokens = false;
  Index vocabulary = 0;                     // tokens: outputs; as input, id `vocabulary` is the start event
  Index keys = 0;                           // frames: Bernoulli outputs
  Index width = 0;                          // frames: input columns; the start event is a row without entries
  std::vector<float> duration_values = {};  // frames with a length: the last input column's value for each class

  Index duration_classes() const { return static_cast<Index>(duration_values.size()); }
  Index outputs() const { return tokens ? vocabulary : keys + duration_classes(); }
  friend bool operator==(const EventShape&, const EventShape&) = default;
};

// Windows of pieces side by side, in host memory that somebody else owns; batch-major: cell (b, t) is b * T + t. A
// row's events stand first, padding after them.
struct Batch {
  Index rows = 0;                              // B
  Index steps = 0;                             // T
  Index targets_per_row = 0;                   // T; 1: each row has one target, what follows its last input
  std::span<const std::int32_t> lengths = {};  // [B], 1..T

  // Tokens.
  std::span<const std::int32_t> inputs = {};   // [B*T]
  std::span<const std::int32_t> targets = {};  // [B*targets_per_row], -1 masked

  // Frames, as rows of sparse matrices.
  std::span<const std::int64_t> input_rows = {};     // [B*T + 1] offsets
  std::span<const std::int32_t> input_columns = {};  // ascending within a row
  std::span<const float> input_values = {};
  std::span<const std::int64_t> target_rows = {};  // [B*targets_per_row + 1]
  std::span<const std::int32_t> target_keys = {};
  std::span<const std::int32_t> target_classes = {};  // [B*targets_per_row] or empty
};

}  // namespace polonaise
