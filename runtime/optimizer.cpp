#include "runtime/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace polonaise {

float Schedule::at(long step) const {
  if (step < warmup) return base * static_cast<float>(step) / static_cast<float>(warmup);
  if (total <= warmup) return base;
  const double progress = std::min(1.0, static_cast<double>(step - warmup) / static_cast<double>(total - warmup));
  const double share = floor + (1.0 - floor) * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  return static_cast<float>(base * share);
}

Optimizer::Optimizer(Parameters& parameters, const OptimizerOptions& options)
    : parameters_(parameters),
      schedule_(options.schedule),
      adamw_{.beta1 = options.beta1, .beta2 = options.beta2, .epsilon = options.epsilon, .clip = options.clip},
      weight_decay_(options.weight_decay) {
  const std::size_t bytes = static_cast<std::size_t>(parameters.size()) * sizeof(float);
  m_ = Buffer(parameters.device(), bytes);
  v_ = Buffer(parameters.device(), bytes);
}

kernels::AdamWStep Optimizer::next(float scale) {
  ++steps_;
  return kernels::adamw_at(adamw_, steps_, schedule_.at(steps_), scale);
}

void Optimizer::update(View<const float, 1> gradients, const kernels::AdamWStep* numbers, double* squared_norm) {
  std::visit(
      [&](auto& device) {
        kernels::squared_norm(device, gradients, squared_norm);
        kernels::AdamW adamw = adamw_;
        // Neighbours in the slab with the same decay are one flat kernel.
        const auto& entries = parameters_.entries();
        const auto decay = [&](std::size_t i) { return entries[i].decay ? weight_decay_ : 0.0f; };
        for (std::size_t i = 0; i < entries.size();) {
          std::size_t end = i + 1;
          while (end < entries.size() && decay(end) == decay(i)) ++end;
          const Index first = entries[i].offset;
          const Index count = (end < entries.size() ? entries[end].offset : parameters_.size()) - first;
          const auto part = [&](auto view) { return decltype(view)(view.data() + first, {count}); };
          adamw.weight_decay = decay(i);
          kernels::adamw_step(device, adamw, numbers, squared_norm, part(parameters_.values()), part(gradients),
                              part(m()), part(v()));
          i = end;
        }
      },
      parameters_.device());
  parameters_.refresh();
}

Optimizer::Report Optimizer::step(View<const float, 1> gradients) {
  AnyDevice& device = parameters_.device();
  const Buffer numbers(device, sizeof(kernels::AdamWStep)), norm(device, sizeof(double));
  const kernels::AdamWStep now = next();
  copy_to_device(device, numbers.data(), &now, sizeof now);
  update(gradients, numbers.as<kernels::AdamWStep>(), norm.as<double>());
  const OnHost<double, 1> squared(device, View<const double, 1>(norm.as<double>(), {1}));
  return {std::sqrt(squared[0]), now.learning_rate};
}

}  // namespace polonaise
