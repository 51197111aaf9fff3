#pragma once

#include <optional>
#include <vector>

#include "tools/compare/results/network.h"
#include "tools/compare/results/results.h"

namespace polonaise::tools {

// Where a curve first comes down to a loss, on the same lines as loss_at(): between the last measurement above it and
// the first that is not. A curve that begins there has it at its first measurement, at the latest.
struct Reached {
  double targets = 0, seconds = 0;
};
std::optional<Reached> first_reached(const std::vector<CurvePoint>& curve, double loss);

// Time to quality, as MLPerf has it: how much data and how much time a loss takes.
struct TimeToQuality {
  Network network;
  int reached = 0;                                   // by how many runs
  std::optional<Spread> targets = {}, seconds = {};  // where all runs reached it
};
// The fastest first, by its mean; then those that not all runs reached it of.
std::vector<TimeToQuality> times_to_quality(const std::vector<Network>& networks, double loss);

}  // namespace polonaise::tools
