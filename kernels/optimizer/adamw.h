#pragma once

#include <cmath>
#include <span>

#include "kernels/base/devices.h"
#include "kernels/base/view.h"

namespace polonaise::kernels {

// Flat kernels over slabs: all parameters of a model as one vector. Pointers lead to the device's memory, which is read
// and written when the kernel runs: a recorded step (CudaGraph, kernels/cuda/host/api.h) is replayed
// with other numbers, and nobody waits for a result.

// AdamW (Loshchilov, Hutter 2019; Adam: Kingma, Ba 2015), as torch.optim.AdamW.
struct AdamW {
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
  float weight_decay = 0.0f;
  float clip = 0.0f;  // what the norm of scale g is brought down to; 0: never
};

// The numbers of AdamW that differ from step to step.
struct AdamWStep {
  float learning_rate = 1e-3f;
  float scale = 1.0f;                    // of the gradients
  float unbias1 = 1.0f, unbias2 = 1.0f;  // 1 / (1 - beta^t)
  float average = 0.0f;                  // how far average_step takes the average towards the parameters, 0 to 1
  float share = 1.0f;                    // what the schedule has come to: learning_rate as a share of its highest
};

// Returns the numbers of step t = 1, 2, ...
inline AdamWStep adamw_at(const AdamW& options, long t, float learning_rate, float scale = 1.0f) {
  const auto unbias = [t](double beta) { return static_cast<float>(1.0 / (1.0 - std::pow(beta, t))); };
  return {learning_rate, scale, unbias(options.beta1), unbias(options.beta2)};
}

// Returns the factor of the gradients, whose norm is `norm`: their scale and clipping.
constexpr float gradient_factor(double norm, float scale, float clip) {
  return clip > 0 && norm * scale > clip ? static_cast<float>(clip / norm) : scale;
}

//   g = gradient_factor gradients;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//   p = p - lr weight_decay p - lr (m unbias1) / (sqrt(v unbias2) + epsilon)
// All views [n], parts of slabs. Where *squared_norm is not finite nothing changes.
struct AdamWUpdate {
  AdamW options = {};
  const AdamWStep* step;
  const double* squared_norm;  // of all gradients
  View<float, 1> parameters;
  View<const float, 1> gradients;
  View<float, 1> m, v;  // the moments

  void check() const;
};
void adamw_step(Cpu&, const AdamWUpdate&);
void adamw_step(Cuda&, const AdamWUpdate&);

// The exponential moving average of the parameters, after adamw_step:
//   average = average + step->average (p - average)
// Both views [n], parts of slabs that do not overlap. Where *squared_norm is not finite nothing changes, as there.
struct AverageUpdate {
  const AdamWStep* step;
  const double* squared_norm;  // of all gradients
  View<const float, 1> parameters;
  View<float, 1> average;

  void check() const;
};
void average_step(Cpu&, const AverageUpdate&);
void average_step(Cuda&, const AverageUpdate&);

// *sum = the sum of squares, in double, added in an order fixed by the length alone.
void squared_norm(Cpu&, View<const float, 1> x, double* sum);
void squared_norm(Cuda&, View<const float, 1> x, double* sum);

// *sum (+)= x[0] + x[1] + ..., in double, in an order fixed by the length alone.
void sum_elements(Cpu&, View<const float, 1> x, double* sum, Accumulate);
void sum_elements(Cuda&, View<const float, 1> x, double* sum, Accumulate);

// sum[i] (+)= shards[0][i] + shards[1][i] + ...: the gradient slabs of the shards, always added in that order.
void sum_slabs(Cpu&, std::span<const View<const float, 1>> shards, View<float, 1> sum, Accumulate);
void sum_slabs(Cuda&, std::span<const View<const float, 1>> shards, View<float, 1> sum, Accumulate);

}  // namespace polonaise::kernels
