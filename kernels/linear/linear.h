#pragma once

#include "kernels/base/devices.h"
#include "kernels/base/view.h"

namespace polonaise::kernels {

// An affine layer with an optional activation, as torch.nn.Linear: weight [N, K], bias [N].

enum class Activation { none, gelu };

//   z[r,n] = bias[n] + sum_k x[r,k] weight[n,k]
//   y[r,n] = activation(z[r,n]);   gelu(z) = z Phi(z), the exact form (erf), torch's default
// x and y must not overlap. Repeats bit for bit, whatever the number of threads. Cpu: T = float; Cuda: float and bf16,
// where the activation sees z as the type has rounded it (kernels/matmul/matmul.h says what holds of cuBLASLt's sums).
template <class T>
struct LinearForward {
  View<const T, 2> x;          // [R,K]
  View<const T, 2> weight;     // [N,K]
  View<const T, 1> bias = {};  // [N] or empty
  Activation activation = Activation::none;
  View<T, 2> saved = {};  // [R,N]: what the device wants of the activation for backward (its derivative, or z); needed
                          // with gelu where a backward follows, otherwise empty
  View<T, 2> y;           // [R,N]

  void check() const;
};
template <class T>
void linear_forward(Cpu&, const LinearForward<T>&);
template <class T>
void linear_forward(Cuda&, const LinearForward<T>&);

//   dz = dy * activation'(z);  dx (+)= dz weight;  dweight += dz^T x;  dbias += sum_r dz
// Gradients of parameters are float whatever T is: the optimizer's masters are. An empty gradient is not computed.
template <class T>
struct LinearBackward {
  View<const T, 2> x;           // [R,K], for dweight
  View<const T, 2> weight;      // [N,K], for dx
  View<const T, 2> saved = {};  // [R,N], as forward made it; empty without an activation
  Activation activation = Activation::none;
  View<const T, 2> dy;  // [R,N]
  View<T, 2> dz = {};   // [R,N]: scratch with gelu, which may be dy's own memory where dy is not needed again;
                        // otherwise empty
  View<T, 2> dx = {};   // [R,K] or empty
  Accumulate dx_accumulate = Accumulate::no;
  View<float, 2> dweight = {};  // [N,K] or empty
  View<float, 1> dbias = {};    // [N] or empty

  void check() const;
};
template <class T>
void linear_backward(Cpu&, const LinearBackward<T>&);
template <class T>
void linear_backward(Cuda&, const LinearBackward<T>&);

}  // namespace polonaise::kernels
