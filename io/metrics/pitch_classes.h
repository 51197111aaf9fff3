#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace polonaise::io {

using PitchClasses = std::array<double, 12>;  // weights of C, C#, ... B

// Shares that sum to 1; none where all weights are 0.
std::optional<PitchClasses> normalised(const PitchClasses& weights);

// -sum p log2 p: 0..log2(12) = 3.585 bits; none where all weights are 0.
std::optional<double> entropy_bits(std::span<const double> weights);

// How long each pitch class sounds in each of the intervals between `edges` (rising). Time is linear in the intervals
// and in the notes added, however many intervals they span.
class PitchClassBins {
 public:
  explicit PitchClassBins(std::vector<double> edges);
  // A note from `begin` to `end`; what lies outside the edges is left out.
  void add(double begin, double end, int pitch);
  // Durations in each interval; adds no more after.
  std::vector<PitchClasses> finish();

 private:
  std::vector<double> edges_;
  std::vector<PitchClasses> parts_;  // of intervals that a note fills in part
  std::vector<PitchClasses> steps_;  // where notes that fill whole intervals begin (+1) and end (-1)
};

}  // namespace polonaise::io
