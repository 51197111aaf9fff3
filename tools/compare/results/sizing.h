#pragma once

#include <cstdint>
#include <functional>

#include "models/config.h"
#include "runtime/device/device.h"

namespace polonaise::tools {

// Parameter counts within this of each other are called equal.
inline constexpr double kEqualParameters = 0.05;

struct Size {
  int hidden = 0;
  int layers = 0;
  int heads = 0;        // transformer
  int feedforward = 0;  // transformer
  std::int64_t parameters = 0;

  friend bool operator==(const Size&, const Size&) = default;
};

// How many parameters a model of this configuration has.
using CountParameters = std::function<std::int64_t(const ModelConfig&)>;
// By making it.
std::int64_t count_parameters(const ModelConfig& config);

// Sizes a network of `layers` layers so that its parameters are as near to `goal` as they get: recurrent ones by their
// width; a transformer by its width, in steps that 4 heads and rotary positions allow, and then by the inner width of
// its blocks. How near that is depends on the goal: small networks go in large steps.
Size size_for(Architecture architecture, int layers, const EventShape& events, std::int64_t goal,
              const CountParameters& count = count_parameters);

// |a - b| over the smaller of the two counts, both above 0.
double apart(std::int64_t a, std::int64_t b);

}  // namespace polonaise::tools
