#pragma once

#include <span>

#include "kernels/device.h"
#include "kernels/view.h"

namespace polonaise::kernels {

// Flat kernels over slabs: all parameters of a model as one vector.

// AdamW (Loshchilov, Hutter 2019; Adam: Kingma, Ba 2015), as torch.optim.AdamW.
struct AdamW {
  float learning_rate = 1e-3f;
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
  float weight_decay = 0.0f;
};

//   g = gradient_scale gradients;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//   p = p - lr weight_decay p - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
// All views [n]; t = step >= 1 counts from one. gradient_scale is the clipping factor.
void adamw_step(Cpu&, const AdamW&, long step, float gradient_scale, View<float, 1> parameters,
                View<const float, 1> gradients, View<float, 1> m, View<float, 1> v);
void adamw_step(Cuda&, const AdamW&, long step, float gradient_scale, View<float, 1> parameters,
                View<const float, 1> gradients, View<float, 1> m, View<float, 1> v);

// Sum of squares in double, added in an order fixed by the length alone.
double squared_norm(Cpu&, View<const float, 1> x);
double squared_norm(Cuda&, View<const float, 1> x);

// sum[i] (+)= shards[0][i] + shards[1][i] + ...: the gradient slabs of the shards, always added in that order.
void sum_slabs(Cpu&, std::span<const View<const float, 1>> shards, View<float, 1> sum, Accumulate);
void sum_slabs(Cuda&, std::span<const View<const float, 1>> shards, View<float, 1> sum, Accumulate);

}  // namespace polonaise::kernels
