#pragma once

#include "kernels/base/devices.h"
#include "kernels/base/view.h"

namespace polonaise::kernels {

// Layer normalisation over the last axis (Ba, Kiros, Hinton 2016), with the residual sum before it fused in.

inline constexpr float kLayerNormEpsilon = 1e-5f;  // torch.nn.LayerNorm's default

//   s[r,:] = x[r,:] + residual[r,:]
//   y[r,d] = weight[d] (s[r,d] - mean_r) rstd_r + bias[d]
//   mean_r = mean_d s[r,d];  rstd_r = 1 / sqrt(mean_d (s[r,d] - mean_r)^2 + epsilon)
// x, residual and sum may be the same memory; y must not overlap them. Each row is worked out in float, in an order
// fixed by D: results repeat bit for bit. Cpu: T = float; Cuda: float and bf16, where what is normalised is s as the
// type has rounded it.
template <class T>
struct LayerNormForward {
  View<const T, 2> x;              // [R,D]
  View<const T, 2> residual = {};  // [R,D], or empty: s is x
  View<const T, 1> weight, bias;   // [D]
  View<T, 2> sum = {};             // [R,D]: s; empty where there is no residual
  View<T, 2> y;                    // [R,D]
  View<float, 1> mean, rstd;       // [R], for backward

  void check() const;
};
template <class T>
void layer_norm_forward(Cpu&, const LayerNormForward<T>&);
template <class T>
void layer_norm_forward(Cuda&, const LayerNormForward<T>&);

//   ds[r,:] (+)= dsum[r,:] + d(y)/d(s) dy[r,:];   dweight[d] += sum_r dy[r,d] (s[r,d] - mean_r) rstd_r;
//   dbias[d] += sum_r dy[r,d]
// ds is the gradient of x and of residual alike. It must not overlap sum or dy; dsum may be ds's own memory when not
// accumulating. Gradients of parameters are float whatever T is: the optimizer's masters are. Rows are added to them in
// blocks fixed by R, in a fixed order, whatever the number of threads.
template <class T>
struct LayerNormBackward {
  View<const T, 2> sum;             // [R,D]: what was normalised, x where there was no residual
  View<const T, 1> weight;          // [D]
  View<const float, 1> mean, rstd;  // [R], as forward made them
  View<const T, 2> dy;              // [R,D]
  View<const T, 2> dsum = {};       // [R,D]: the gradient that reaches s from elsewhere; empty: none
  View<T, 2> ds;                    // [R,D]
  Accumulate accumulate = Accumulate::no;
  View<float, 1> dweight = {};  // [D] or empty
  View<float, 1> dbias = {};    // [D] or empty

  void check() const;
};
template <class T>
void layer_norm_backward(Cpu&, const LayerNormBackward<T>&);
template <class T>
void layer_norm_backward(Cuda&, const LayerNormBackward<T>&);

}  // namespace polonaise::kernels
