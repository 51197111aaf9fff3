#include "kernels/linear.h"

#include "kernels/cuda/column_sums.h"
#include "kernels/cuda/matrix-inl.h"
#include "kernels/cuda/product.h"
#include "kernels/linear_shapes.h"
#include "kernels/simt/simt.h"

namespace polonaise::kernels {
namespace {

using simt::from_float;
using simt::load;
using simt::store;
using simt::to_float;

// cuBLASLt's own GELU is the approximation by tanh; the exact one is worked out after the product.

// The normal distribution's Phi(z): by the complement, which keeps its digits where Phi is small.
__device__ float normal_cumulative(float z) {
  return 0.5f * erfcf(-0.70710678118654752f * z);
}
__device__ float gelu(float z) {
  return z * normal_cumulative(z);
}
__device__ float gelu_slope(float z) {
  return normal_cumulative(z) + 0.39894228040143268f * z * expf(-0.5f * z * z);
}

// N neighbouring elements to a thread. y may be z.
template <class T, int N>
__global__ void activate(View<const T, 2> z, View<T, 2> y) {
  const Index r = row_of_thread();
  if (r >= z.rows()) return;
  for (Index c = N * first_column(); c < z.columns(); c += N * column_step()) {
    auto values = load<N>(z.row(r) + c);
    for (int k = 0; k < N; ++k) values[k] = from_float<T>(gelu(to_float(values[k])));
    store(y.row(r) + c, values);
  }
}

// dz = dy gelu'(z). dz may be dy.
template <class T, int N>
__global__ void activation_gradient(View<const T, 2> z, View<const T, 2> dy, View<T, 2> dz) {
  const Index r = row_of_thread();
  if (r >= z.rows()) return;
  for (Index c = N * first_column(); c < z.columns(); c += N * column_step()) {
    const auto at = load<N>(z.row(r) + c);
    auto gradient = load<N>(dy.row(r) + c);
    for (int k = 0; k < N; ++k) gradient[k] = from_float<T>(to_float(gradient[k]) * gelu_slope(to_float(at[k])));
    store(dz.row(r) + c, gradient);
  }
}

}  // namespace

// `saved` keeps z.
template <class T>
void linear_forward(Cuda& cuda, View<const T, 2> x, View<const T, 2> weight, View<const T, 1> bias,
                    Activation activation, View<T, 2> saved, View<T, 2> y) {
  require_linear_forward(x, weight, bias, activation, saved, y);
  if (y.rows() == 0 || y.columns() == 0) return;
  const View<T, 2> z = saved.empty() ? y : saved;
  multiply<T, T>(cuda, x, Op::none, weight, Op::transpose, z, Accumulate::no, bias);
  if (activation == Activation::none) return;
  constexpr int N = simt::kWide<T>;
  const bool wide = simt::is_wide(z) && simt::is_wide(y);
  launch(cuda, "linear_forward", over_matrix(y.rows(), wide ? y.columns() / N : y.columns()),
         wide ? activate<T, N> : activate<T, 1>, z, y);
}

template <class T>
void linear_backward(Cuda& cuda, View<const T, 2> x, View<const T, 2> weight, View<const T, 2> saved,
                     Activation activation, View<const T, 2> dy, View<T, 2> dz, View<T, 2> dx, Accumulate dx_accumulate,
                     View<float, 2> dweight, View<float, 1> dbias) {
  require_linear_backward(x, weight, saved, activation, dy, dz, dx, dweight, dbias);
  if (dy.rows() == 0 || dy.columns() == 0) return;
  View<const T, 2> gradient = dy;
  if (activation == Activation::gelu) {
    constexpr int N = simt::kWide<T>;
    const bool wide = simt::is_wide(saved) && simt::is_wide(dy) && simt::is_wide(dz);
    launch(cuda, "linear_backward", over_matrix(dy.rows(), wide ? dy.columns() / N : dy.columns()),
           wide ? activation_gradient<T, N> : activation_gradient<T, 1>, saved, dy, dz);
    gradient = dz;
  }
  if (!dx.empty()) multiply<T, T>(cuda, gradient, Op::none, weight, Op::none, dx, dx_accumulate);
  if (!dweight.empty()) multiply<T, float>(cuda, gradient, Op::transpose, x, Op::none, dweight, Accumulate::yes);
  if (!dbias.empty()) add_column_sums(cuda, gradient, dbias);
}

#define INSTANTIATE(T)                                                                                                 \
  template void linear_forward<T>(Cuda&, View<const T, 2>, View<const T, 2>, View<const T, 1>, Activation, View<T, 2>, \
                                  View<T, 2>);                                                                         \
  template void linear_backward<T>(Cuda&, View<const T, 2>, View<const T, 2>, View<const T, 2>, Activation,            \
                                   View<const T, 2>, View<T, 2>, View<T, 2>, Accumulate, View<float, 2>,               \
                                   View<float, 1>)
INSTANTIATE(float);
INSTANTIATE(bf16);

}  // namespace polonaise::kernels
