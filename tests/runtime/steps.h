#pragma once

// Steps of training that are waited for, one at a time.

#include <cmath>
#include <functional>
#include <numeric>

#include "runtime/training/optimizer.h"
#include "runtime/training/shards.h"

namespace polonaise::testing {

// Forward and backward of all shards of a batch; the sum of the gradients is in shards.gradients() afterwards.
// `forward` is TargetLossViews(Tape&, Shards::Rows).
inline LossSum train(Shards& shards, AnyDevice& device, Index rows, const Tape::Place& place,
                     const std::function<TargetLossViews(Tape&, Shards::Rows)>& forward) {
  const auto prepare = [&](Tape&, Shards::Rows part) {
    return Shards::Prepared{[&, part](Tape& tape) { return forward(tape, part); }, {}};
  };
  const Buffer memory(device, Shards::kMostShards * sizeof(LossSum));
  const View<LossSum, 1> losses(memory.as<LossSum>(), {Shards::kMostShards});
  if (place.first_row > 0) fill_with(device, memory.data(), 0, memory.bytes());
  shards.queue({rows, prepare}, place, losses);
  const OnHost<LossSum, 1> host(device, View<const LossSum, 1>(losses));
  return std::accumulate(host.view().data(), host.view().data() + Shards::kMostShards, LossSum());
}

struct OptimizerStep {
  double gradient_norm = 0;  // before clipping
  float learning_rate = 0;
};

// The optimizer's next() and update(), with gradients times `scale`.
inline OptimizerStep take_step(Optimizer& optimizer, AnyDevice& device, View<const float, 1> gradients,
                               float scale = 1) {
  const Buffer numbers(device, sizeof(kernels::AdamWStep)), norm(device, sizeof(double));
  const kernels::AdamWStep now = optimizer.next(scale);
  copy_to_device(device, numbers.data(), &now, sizeof now);
  optimizer.update(gradients, numbers.as<kernels::AdamWStep>(), norm.as<double>());
  const OnHost<double, 1> squared(device, View<const double, 1>(norm.as<double>(), {1}));
  return {std::sqrt(squared[0]), now.learning_rate};
}

}  // namespace polonaise::testing
