#pragma once

#include <cstdint>
#include <span>

namespace polonaise {

// Windows of pieces side by side, in host memory that somebody else owns; batch-major: cell (b, t) is b * T + t. A
// row's events stand first, padding after them.
struct Batch {
  std::int64_t rows = 0;                       // B
  std::int64_t steps = 0;                      // T
  std::int64_t targets_per_row = 0;            // T; 1: each row has one target, what follows its last input
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
