#include "tools/compare/results/sizing.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "models/model.h"

namespace polonaise::tools {
namespace {

constexpr int kHeads = 4;
constexpr int kMostSteps = 2048;  // of the width

// The step in 1..kMostSteps whose count, which grows with it, is nearest to the goal.
int nearest_step(std::int64_t goal, const std::function<std::int64_t(int)>& count) {
  int low = 1, high = 2;
  while (high < kMostSteps && count(high) < goal) {
    low = high;
    high = std::min(2 * high, kMostSteps);
  }
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (count(middle) < goal ? low : high) = middle;
  }
  return std::llabs(count(low) - goal) <= std::llabs(count(high) - goal) ? low : high;
}

}  // namespace

std::int64_t count_parameters(const ModelConfig& config) {
  AnyDevice device = Cpu{1};
  std::int64_t parameters = 0;
  const auto model = make_model(device, config, 1);
  for (const Parameters::Entry& entry : model->parameters().entries()) parameters += entry.shape.size();
  return parameters;
}

Size size_for(Architecture architecture, int layers, const EventShape& events, std::int64_t goal,
              const CountParameters& count) {
  ModelConfig config;
  config.architecture = architecture;
  config.events = events;
  config.layers = layers;
  config.heads = kHeads;
  const bool transformer = architecture == Architecture::transformer;
  const int step = transformer ? 2 * kHeads : 1;
  const auto of_width = [&](int steps) {
    config.hidden = steps * step;
    return count(config);
  };
  config.hidden = nearest_step(goal, of_width) * step;
  if (transformer) {
    config.feedforward = 1;
    const std::int64_t one = count(config);
    config.feedforward = 2;
    const std::int64_t more = count(config) - one;
    config.feedforward = std::clamp<std::int64_t>(1 + std::llround(double(goal - one) / double(more)), 1, 65536);
  }
  const std::int64_t parameters = count(config);
  return {static_cast<int>(config.hidden), layers, transformer ? kHeads : 0,
          transformer ? static_cast<int>(config.feedforward) : 0, parameters};
}

double apart(std::int64_t a, std::int64_t b) {
  return static_cast<double>(std::llabs(a - b)) / static_cast<double>(std::min(a, b));
}

}  // namespace polonaise::tools
