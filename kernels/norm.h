#pragma once

#include "kernels/device.h"
#include "kernels/view.h"

namespace polonaise::kernels {

// Layer normalisation over the last axis (Ba, Kiros, Hinton 2016), with the residual sum before it fused in.

inline constexpr float kLayerNormEpsilon = 1e-5f;  // torch.nn.LayerNorm's default

//   s[r,:] = x[r,:] + residual[r,:]                       (residual empty: s is x and `sum` must be empty)
//   y[r,d] = weight[d] (s[r,d] - mean_r) rstd_r + bias[d]
//   mean_r = mean_d s[r,d];  rstd_r = 1 / sqrt(mean_d (s[r,d] - mean_r)^2 + epsilon)
// x, residual, sum, y [R,D]; weight, bias [D]; mean, rstd [R] are kept for backward. x, residual and sum may be the
// same memory; y must not overlap them. Each row is worked out in float, in an order fixed by D: results repeat bit for
// bit. Cpu: T = float; Cuda: float and bf16, where what is normalised is s as the type has rounded it.
template <class T>
void layer_norm_forward(Cpu&, View<const T, 2> x, View<const T, 2> residual, View<const T, 1> weight,
                        View<const T, 1> bias, View<T, 2> sum, View<T, 2> y, View<float, 1> mean, View<float, 1> rstd);
template <class T>
void layer_norm_forward(Cuda&, View<const T, 2> x, View<const T, 2> residual, View<const T, 1> weight,
                        View<const T, 1> bias, View<T, 2> sum, View<T, 2> y, View<float, 1> mean, View<float, 1> rstd);

// Gradients of parameters are float whatever T is: the optimizer's masters are.
//   ds[r,:] (+)= dsum[r,:] + d(y)/d(s) dy[r,:];   dweight[d] += sum_r dy[r,d] (s[r,d] - mean_r) rstd_r;
//   dbias[d] += sum_r dy[r,d]
// `sum` is what was normalised (x where there was no residual). dsum is the gradient that reaches s from elsewhere
// (empty: none) and may be ds's own memory when not accumulating; ds must not overlap sum or dy. ds is the gradient of
// x and of residual alike. Rows are added to dweight and dbias in blocks fixed by R, in a fixed order, whatever the
// number of threads. dweight and dbias may be empty.
template <class T>
void layer_norm_backward(Cpu&, View<const T, 2> sum, View<const T, 1> weight, View<const float, 1> mean,
                         View<const float, 1> rstd, View<const T, 2> dy, View<const T, 2> dsum, View<T, 2> ds,
                         Accumulate, View<float, 1> dweight, View<float, 1> dbias);
template <class T>
void layer_norm_backward(Cuda&, View<const T, 2> sum, View<const T, 1> weight, View<const float, 1> mean,
                         View<const float, 1> rstd, View<const T, 2> dy, View<const T, 2> dsum, View<T, 2> ds,
                         Accumulate, View<float, 1> dweight, View<float, 1> dbias);

}  // namespace polonaise::kernels
