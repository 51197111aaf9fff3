#pragma once

#include <optional>
#include <vector>

namespace polonaise::tools {

// What runs that differ in their seed alone measured of one thing.
struct Spread {
  double mean = 0, least = 0, greatest = 0;
  int runs = 0;
};

// None of no values.
std::optional<Spread> spread_of(const std::vector<double>& values);

// Spread of one value.
Spread single(double value);

// Values that are no further apart than this share of the lower are level whatever the seeds say, which are few.
inline constexpr double kLevel = 0.005;

// Whether two spreads name no difference: where they overlap, so that not every seed of one is better than every seed
// of the other, or where their means are no further apart than kLevel of the lower.
bool level(const Spread& a, const Spread& b);

}  // namespace polonaise::tools
