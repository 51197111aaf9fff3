#include "kernels/linear/linear.h"

#include "kernels/cuda/device/column_sums.h"
#include "kernels/cuda/device/matrix.cuh"
#include "kernels/cuda/host/product.h"
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
void linear_forward(Cuda& cuda, const LinearForward<T>& f) {
  f.check();
  if (f.y.rows() == 0 || f.y.columns() == 0) return;
  const View<T, 2> z = f.saved.empty() ? f.y : f.saved;
  multiply<T, T>(cuda, f.x, Op::none, f.weight, Op::transpose, z, Accumulate::no, f.bias);
  if (f.activation == Activation::none) return;
  constexpr int N = simt::kWide<T>;
  const bool wide = simt::is_wide(z) && simt::is_wide(f.y);
  launch(cuda, "linear_forward", over_matrix(f.y.rows(), wide ? f.y.columns() / N : f.y.columns()),
         wide ? activate<T, N> : activate<T, 1>, z, f.y);
}

template <class T>
void linear_backward(Cuda& cuda, const LinearBackward<T>& b) {
  b.check();
  if (b.dy.rows() == 0 || b.dy.columns() == 0) return;
  View<const T, 2> gradient = b.dy;
  if (b.activation == Activation::gelu) {
    constexpr int N = simt::kWide<T>;
    const bool wide = simt::is_wide(b.saved) && simt::is_wide(b.dy) && simt::is_wide(b.dz);
    launch(cuda, "linear_backward", over_matrix(b.dy.rows(), wide ? b.dy.columns() / N : b.dy.columns()),
           wide ? activation_gradient<T, N> : activation_gradient<T, 1>, b.saved, b.dy, b.dz);
    gradient = b.dz;
  }
  if (!b.dx.empty()) multiply<T, T>(cuda, gradient, Op::none, b.weight, Op::none, b.dx, b.dx_accumulate);
  if (!b.dweight.empty()) multiply<T, float>(cuda, gradient, Op::transpose, b.x, Op::none, b.dweight, Accumulate::yes);
  if (!b.dbias.empty()) add_column_sums(cuda, gradient, b.dbias);
}

template void linear_forward(Cuda&, const LinearForward<float>&);
template void linear_forward(Cuda&, const LinearForward<bf16>&);
template void linear_backward(Cuda&, const LinearBackward<float>&);
template void linear_backward(Cuda&, const LinearBackward<bf16>&);

}  // namespace polonaise::kernels
