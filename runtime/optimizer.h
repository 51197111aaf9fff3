#pragma once

#include "kernels/optimizer.h"
#include "runtime/parameters.h"

namespace polonaise {

// Learning rate over steps: linear warm-up from 0 over the first `warmup` steps, then a half cosine from the base rate
// down to `floor` times it at `total` steps (SGDR, Loshchilov, Hutter 2017, without restarts). total = 0: constant
// after the warm-up.
struct Schedule {
  float base = 1e-3f;
  long warmup = 0;
  long total = 0;
  float floor = 0.1f;

  // Of step 1, 2, ...
  float at(long step) const;
};

struct OptimizerOptions {
  Schedule schedule = {};
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
  float weight_decay = 0.0f;  // on matrices only
  float clip = 1.0f;          // the gradient's norm is brought down to this; 0: never
};

// AdamW over a model's whole slab, with clipping by the global norm.
class Optimizer {
 public:
  Optimizer(Parameters& parameters, const OptimizerOptions& options);

  // Counts the next step: its numbers, for update() to find in the device's memory.
  kernels::AdamWStep next(float scale = 1);
  // Queues one step from the sum of gradients, and the refresh of what is derived from the parameters. A gradient that
  // is not finite changes nothing. *squared_norm, in the device's memory too, becomes that of the gradients as they
  // came, before scale and clip.
  void update(View<const float, 1> gradients, const kernels::AdamWStep* numbers, double* squared_norm);

  struct Report {
    double gradient_norm = 0;  // before clipping
    float learning_rate = 0;
  };
  // All of that, waited for.
  Report step(View<const float, 1> gradients);

  long steps() const { return steps_; }
  // The state that resuming needs, beside the parameters.
  View<float, 1> m() const { return {m_.as<float>(), {parameters_.size()}}; }
  View<float, 1> v() const { return {v_.as<float>(), {parameters_.size()}}; }
  void set_steps(long steps) { steps_ = steps; }
  std::size_t memory() const { return m_.bytes() + v_.bytes(); }

 private:
  Parameters& parameters_;
  Schedule schedule_;
  kernels::AdamW adamw_;
  float weight_decay_;  // of matrices
  Buffer m_, v_;
  long steps_ = 0;
};

}  // namespace polonaise
