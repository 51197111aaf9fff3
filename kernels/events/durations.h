#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace polonaise {

// The classes a chord's length is predicted in: n/48 of a quarter note, from a 1/48 to 16 quarters, each value of
// common notation (plain, dotted, triplet) among them.
inline constexpr std::array<int, 24> kDurationClasses = {1,  2,  3,  4,  6,  8,   9,   12,  16,  18,  24,  32,
                                                         36, 48, 64, 72, 96, 128, 144, 192, 288, 384, 576, 768};
inline constexpr int kDurationClassCount = static_cast<int>(kDurationClasses.size());
inline constexpr float kShortestQuarters = 1.0F / 48;
inline constexpr float kLongestQuarters = 16;

// Length of class 0..23 in quarter notes.
inline float class_quarters(int duration_class) {
  return static_cast<float>(kDurationClasses[static_cast<std::size_t>(duration_class)]) / 48.0F;
}

// The class nearest in log: |log(48 q / n)| least, the shorter one of two equally near. Anything below the shortest,
// also 0, is class 0.
inline int duration_class(float quarters) {
  const float n = 48 * std::clamp(quarters, kShortestQuarters, kLongestQuarters);
  const auto upper = std::lower_bound(kDurationClasses.begin(), kDurationClasses.end() - 1, n,
                                      [](int value, float x) { return static_cast<float>(value) < x; });
  const int above = static_cast<int>(upper - kDurationClasses.begin());
  if (above == 0) return 0;
  // n is nearer to the lower neighbour where it lies below their geometric mean.
  const float low = static_cast<float>(kDurationClasses[static_cast<std::size_t>(above - 1)]);
  const float high = static_cast<float>(kDurationClasses[static_cast<std::size_t>(above)]);
  return n * n <= low * high ? above - 1 : above;
}

// How a frame's length enters a model, in the last input column: log2(1 + quarters), or the quarters as they are.
enum class DurationInput : std::uint8_t { log2_one_plus, quarters };

// The value of the last input column for a frame of that length.
inline float duration_value(DurationInput input, float quarters) {
  return input == DurationInput::log2_one_plus ? std::log2(1 + quarters) : quarters;
}

}  // namespace polonaise
