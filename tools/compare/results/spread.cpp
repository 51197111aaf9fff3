#include "tools/compare/results/spread.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace polonaise::tools {

std::optional<Spread> spread_of(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  const auto [least, greatest] = std::ranges::minmax(values);
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  // Rounding must not take the mean out of the range.
  return Spread{std::clamp(mean, least, greatest), least, greatest, static_cast<int>(values.size())};
}

Spread single(double value) {
  return {value, value, value, 1};
}

bool level(const Spread& a, const Spread& b) {
  return (a.least <= b.greatest && b.least <= a.greatest) ||
         std::abs(a.mean - b.mean) <= kLevel * std::min(std::abs(a.mean), std::abs(b.mean));
}

}  // namespace polonaise::tools
