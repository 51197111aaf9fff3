#pragma once

#include "kernels/device.h"
#include "kernels/view.h"

namespace polonaise::kernels {

// An affine layer with an optional activation, as torch.nn.Linear: weight [N, K], bias [N].

enum class Activation { none, gelu };

//   z[r,n] = bias[n] + sum_k x[r,k] weight[n,k]
//   y[r,n] = activation(z[r,n]);   gelu(z) = z Phi(z), the exact form (erf), torch's default
// x [R,K], weight [N,K], bias [N] or empty, y [R,N]. `saved` [R,N] keeps for backward what the device wants of the
// activation (its derivative, or z): needed with gelu when a backward follows, otherwise empty. x and y must not
// overlap. Repeats bit for bit, whatever the number of threads. Cpu: T = float; Cuda: float and bf16, where the
// activation sees z as the type has rounded it (kernels/matmul.h says what holds of cuBLASLt's sums).
template <class T>
void linear_forward(Cpu&, View<const T, 2> x, View<const T, 2> weight, View<const T, 1> bias, Activation,
                    View<T, 2> saved, View<T, 2> y);
template <class T>
void linear_forward(Cuda&, View<const T, 2> x, View<const T, 2> weight, View<const T, 1> bias, Activation,
                    View<T, 2> saved, View<T, 2> y);

//   dz = dy * activation'(z);  dx (+)= dz weight;  dweight += dz^T x;  dbias += sum_r dz
// Gradients of parameters are float whatever T is: the optimizer's masters are. dx, dweight, dbias may each be empty:
// that gradient is not computed. `dz` [R,N] is scratch with gelu (it may be dy's own memory where dy is not needed
// again), otherwise empty.
template <class T>
void linear_backward(Cpu&, View<const T, 2> x, View<const T, 2> weight, View<const T, 2> saved, Activation,
                     View<const T, 2> dy, View<T, 2> dz, View<T, 2> dx, Accumulate dx_accumulate,
                     View<float, 2> dweight, View<float, 1> dbias);
template <class T>
void linear_backward(Cuda&, View<const T, 2> x, View<const T, 2> weight, View<const T, 2> saved, Activation,
                     View<const T, 2> dy, View<T, 2> dz, View<T, 2> dx, Accumulate dx_accumulate,
                     View<float, 2> dweight, View<float, 1> dbias);

}  // namespace polonaise::kernels
