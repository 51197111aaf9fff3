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
    : parameters_(parameters), options_(options) {
  const std::size_t bytes = static_cast<std::size_t>(parameters.size()) * sizeof(float);
  m_ = Buffer(parameters.device(), bytes);
  v_ = Buffer(parameters.device(), bytes);
}

Optimizer::Report Optimizer::step(View<const float, 1> gradients) {
  ++steps_;
  Report report;
  report.learning_rate = options_.schedule.at(steps_);
  std::visit(
      [&](auto& device) {
        report.gradient_norm = std::sqrt(kernels::squared_norm(device, gradients));
        if (!std::isfinite(report.gradient_norm)) return;
        const bool clips = options_.clip > 0 && report.gradient_norm > options_.clip;
        const float scale = clips ? static_cast<float>(options_.clip / report.gradient_norm) : 1.0f;
        kernels::AdamW adamw{report.learning_rate, options_.beta1, options_.beta2, options_.epsilon, 0};
        // Neighbours in the slab with the same decay are one flat kernel.
        const auto& entries = parameters_.entries();
        for (std::size_t i = 0; i < entries.size();) {
          std::size_t end = i + 1;
          while (end < entries.size() && entries[end].decay == entries[i].decay) ++end;
          const Index first = entries[i].offset;
          const Index count = (end < entries.size() ? entries[end].offset : parameters_.size()) - first;
          const auto part = [&](auto view) { return decltype(view)(view.data() + first, {count}); };
          adamw.weight_decay = entries[i].decay ? options_.weight_decay : 0.0f;
          kernels::adamw_step(device, adamw, steps_, scale, part(parameters_.values()), part(gradients), part(m()),
                              part(v()));
          i = end;
        }
      },
      parameters_.device());
  if (std::isfinite(report.gradient_norm)) parameters_.refresh();
  return report;
}

}  // namespace polonaise
