#include "io/metrics/pitch_classes.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace polonaise::io {

std::optional<PitchClasses> normalised(const PitchClasses& weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (!(sum > 0)) return std::nullopt;
  PitchClasses shares = weights;
  for (double& share : shares) share /= sum;
  return shares;
}

std::optional<double> entropy_bits(std::span<const double> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (!(sum > 0)) return std::nullopt;
  double bits = 0;
  for (const double weight : weights) {
    if (weight > 0) bits -= weight / sum * std::log2(weight / sum);
  }
  return std::max(bits, 0.0);
}

PitchClassBins::PitchClassBins(std::vector<double> edges) : edges_(std::move(edges)) {
  const std::size_t bins = edges_.size() < 2 ? 0 : edges_.size() - 1;
  parts_.resize(bins);
  steps_.resize(bins + 1);
}

void PitchClassBins::add(double begin, double end, int pitch) {
  if (parts_.empty()) return;
  begin = std::max(begin, edges_.front());
  end = std::min(end, edges_.back());
  if (!(begin < end)) return;
  const auto pitch_class = static_cast<std::size_t>(pitch % 12);
  const auto bin = [&](auto edge) { return static_cast<std::size_t>(edge - edges_.begin()) - 1; };
  const std::size_t first = bin(std::upper_bound(edges_.begin(), edges_.end(), begin));
  const std::size_t last = bin(std::lower_bound(edges_.begin(), edges_.end(), end));
  if (first == last) {
    parts_[first][pitch_class] += end - begin;
    return;
  }
  parts_[first][pitch_class] += edges_[first + 1] - begin;
  parts_[last][pitch_class] += end - edges_[last];
  steps_[first + 1][pitch_class] += 1;
  steps_[last][pitch_class] -= 1;
}

std::vector<PitchClasses> PitchClassBins::finish() {
  PitchClasses whole{};
  for (std::size_t bin = 0; bin < parts_.size(); ++bin) {
    for (std::size_t pitch_class = 0; pitch_class < 12; ++pitch_class) {
      whole[pitch_class] += steps_[bin][pitch_class];
      parts_[bin][pitch_class] += whole[pitch_class] * (edges_[bin + 1] - edges_[bin]);
    }
  }
  return std::move(parts_);
}

}  // namespace polonaise::io
