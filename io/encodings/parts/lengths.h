#pragma once

#include <array>
#include <cstdint>

namespace polonaise::io {

// The time grid of encodings in score time, 1/48 quarter (64th notes and the 16th triplets' halves lie on it), and the
// 120 lengths that have a token: each 1/48 up to a quarter, each 2/48 up to 2 quarters, 4/48 up to 4, 12/48 up to 8,
// 48/48 up to 16. Neighbours are 2 to 12 % apart beyond a quarter; the values of common notation are among them.

inline constexpr std::int64_t kGridPerQuarter = 48;
inline constexpr int kLengths = 120;
inline constexpr std::int64_t kLongestLength = 768;

inline constexpr std::array<int, kLengths> kLengthTable = [] {
  std::array<int, kLengths> table{};
  int length = 0;
  for (int& entry : table) {
    length += length < 48 ? 1 : length < 96 ? 2 : length < 192 ? 4 : length < 384 ? 12 : 48;
    entry = length;
  }
  return table;
}();

inline int length_of(int index) {
  return kLengthTable[static_cast<std::size_t>(index)];
}
// Index of the nearest length, the shorter one of two, or of the longest.
int nearest_length(std::int64_t length);
// Index of the longest length that is no longer; `length` >= 1.
int length_within(std::int64_t length);

}  // namespace polonaise::io
