#include "tools/compare/results/time_to_quality.h"

#include <algorithm>
#include <cmath>

namespace polonaise::tools {
namespace {

// A place between two over their logarithm.
double between(double left, double right, double share) {
  return left > 0 ? left * std::pow(right / left, share) : share * right;
}

}  // namespace

std::optional<Reached> first_reached(const std::vector<CurvePoint>& curve, double loss) {
  const auto after = std::ranges::find_if(curve, [&](const CurvePoint& point) { return point.loss <= loss; });
  if (after == curve.end()) return std::nullopt;
  const auto right = static_cast<double>(after->targets);
  if (after == curve.begin()) return Reached{right, after->seconds};
  const CurvePoint& before = *(after - 1);
  const double share = (before.loss - loss) / (before.loss - after->loss);
  return Reached{between(static_cast<double>(before.targets), right, share),
                 between(before.seconds, after->seconds, share)};
}

std::vector<TimeToQuality> times_to_quality(const std::vector<Network>& networks, double loss) {
  std::vector<TimeToQuality> times;
  for (const Network& network : networks) {
    TimeToQuality time{.network = network};
    for (const CombinationResult* run : network.runs) time.reached += first_reached(run->curve, loss) ? 1 : 0;
    const auto along = [&](double Reached::*axis) {
      return network.spread([&](const CombinationResult& run) {
        const auto place = first_reached(run.curve, loss);
        return place ? std::optional((*place).*axis) : std::nullopt;
      });
    };
    time.targets = along(&Reached::targets);
    time.seconds = along(&Reached::seconds);
    times.push_back(std::move(time));
  }
  std::ranges::stable_sort(times, [](const TimeToQuality& a, const TimeToQuality& b) {
    if (a.seconds.has_value() != b.seconds.has_value()) return a.seconds.has_value();
    return a.seconds ? a.seconds->mean < b.seconds->mean : a.reached > b.reached;
  });
  return times;
}

}  // namespace polonaise::tools
