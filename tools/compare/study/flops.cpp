#include "tools/compare/study/flops.h"

namespace polonaise::tools {
namespace {

// A product forward, and backward for the weights and for the inputs.
constexpr double kTrained = 3;
// The first layer's inputs are data.
constexpr double kFirst = 2;

double product(double inputs, double outputs) {
  return 2 * inputs * outputs;
}

double recurrent(const ModelConfig& c, double entries) {
  const auto H = static_cast<double>(c.hidden);
  const bool both = c.architecture == Architecture::bilstm;
  const double directions = both ? 2 : 1;
  const double gates = kernels::shape_of(*cell_of(c.architecture)).gates;
  double step = 0;
  for (Index layer = 0; layer < c.layers; ++layer) {
    step += kTrained * directions * product(H, gates * H);
    if (layer > 0) {
      step += kTrained * directions * product(directions * H, gates * H);
    } else if (c.events.is_tokens()) {
      step += kTrained * directions * product(H, gates * H);
    } else {
      step += kFirst * directions * product(entries, gates * H);
    }
  }
  const double head = kTrained * product(directions * H, static_cast<double>(c.events.outputs()));
  return (both ? static_cast<double>(c.sequence) : 1) * step + head;
}

double transformer(const ModelConfig& c, double entries) {
  const auto C = static_cast<double>(c.hidden);
  const double context = (static_cast<double>(c.sequence) + 1) / 2;
  const double attention = 2 * product(C, context);
  const double layer = product(C, 4 * C) + 2 * product(C, static_cast<double>(c.inner())) + attention;
  const double input = c.events.is_tokens() ? 0 : kFirst * product(entries, C);
  return input +
         kTrained * (static_cast<double>(c.layers) * layer + product(C, static_cast<double>(c.events.outputs())));
}

}  // namespace

double training_flops_per_target(const ModelConfig& config, double entries) {
  return config.architecture == Architecture::transformer ? transformer(config, entries) : recurrent(config, entries);
}

}  // namespace polonaise::tools
