#include "kernels/norm/norm.h"

#include <algorithm>

#include "kernels/base/require.h"
#include "kernels/cuda/device/column_sums.cuh"
#include "kernels/cuda/host/context.h"
#include "kernels/cuda/host/launch.h"
#include "kernels/simt/simt.h"

namespace polonaise::kernels {
namespace {

using simt::Floats;
using simt::load_floats;
using simt::store_floats;
using simt::to_float;

// A warp owns a row: its lanes take N neighbouring elements each, then those 32 N further on. A row is read again for
// each sum over it, from the first-level cache.
constexpr int kWarps = 4;
constexpr Index kLanes = 32;

__device__ Index row_of_warp() {
  return static_cast<Index>(blockIdx.x) * kWarps + threadIdx.y;
}

// Calls body(i) with the first of each N elements that the lane takes of a row.
template <int N, class Body>
__device__ void for_each_of_row(Index D, Body&& body) {
  for (Index i = threadIdx.x * N; i < D; i += kLanes * N) body(i);
}

// The mean over a row; term(i) adds up N elements from i on.
template <int N, class Term>
__device__ float row_mean(Index D, Term&& term) {
  float sum = 0;
  for_each_of_row<N>(D, [&](Index i) { sum += term(i); });
  return simt::warp::sum(sum) / static_cast<float>(D);
}

template <class T, int N>
__global__ void normalise_rows(LayerNormForward<T> f) {
  const Index row = row_of_warp(), D = f.x.columns();
  if (row >= f.x.rows()) return;  // the whole warp leaves, and no barrier of the block follows
  const T* s = f.x.row(row);
  if (!f.residual.empty()) {
    for_each_of_row<N>(D, [&](Index i) {
      auto value = load_floats<N>(f.x.row(row) + i);
      const auto added = load_floats<N>(f.residual.row(row) + i);
      for (int k = 0; k < N; ++k) value[k] += added[k];
      store_floats(f.sum.row(row) + i, value);
    });
    s = f.sum.row(row);  // each lane reads what it has written itself
  }
  const float mean = row_mean<N>(D, [&](Index i) {
    const auto value = load_floats<N>(s + i);
    float total = 0;
    for (int k = 0; k < N; ++k) total += value[k];
    return total;
  });
  const float variance = row_mean<N>(D, [&](Index i) {
    const auto value = load_floats<N>(s + i);
    float total = 0;
    for (int k = 0; k < N; ++k) total += (value[k] - mean) * (value[k] - mean);
    return total;
  });
  const float rstd = 1.0f / sqrtf(variance + kLayerNormEpsilon);
  for_each_of_row<N>(D, [&](Index i) {
    auto value = load_floats<N>(s + i);
    const auto w = load_floats<N>(f.weight.data() + i), b = load_floats<N>(f.bias.data() + i);
    for (int k = 0; k < N; ++k) value[k] = w[k] * ((value[k] - mean) * rstd) + b[k];
    store_floats(f.y.row(row) + i, value);
  });
  if (threadIdx.x == 0) {
    f.mean.data()[row] = mean;
    f.rstd.data()[row] = rstd;
  }
}

// With g = weight dy and z the normalised row: ds (+)= dsum + rstd (g - mean(g) - z mean(g z)).
template <class T, int N>
__global__ void row_gradients(LayerNormBackward<T> b) {
  const Index row = row_of_warp(), D = b.sum.columns();
  if (row >= b.sum.rows()) return;
  const float mean = b.mean.data()[row], rstd = b.rstd.data()[row];
  const auto g_of = [&](Index i) {
    auto g = load_floats<N>(b.dy.row(row) + i);
    const auto w = load_floats<N>(b.weight.data() + i);
    for (int k = 0; k < N; ++k) g[k] *= w[k];
    return g;
  };
  const auto z_of = [&](Index i) {
    auto z = load_floats<N>(b.sum.row(row) + i);
    for (int k = 0; k < N; ++k) z[k] = (z[k] - mean) * rstd;
    return z;
  };
  const float mean_g = row_mean<N>(D, [&](Index i) {
    const auto g = g_of(i);
    float total = 0;
    for (int k = 0; k < N; ++k) total += g[k];
    return total;
  });
  const float mean_gz = row_mean<N>(D, [&](Index i) {
    const auto g = g_of(i), z = z_of(i);
    float total = 0;
    for (int k = 0; k < N; ++k) total += g[k] * z[k];
    return total;
  });
  for_each_of_row<N>(D, [&](Index i) {
    auto gradient = g_of(i);
    const auto z = z_of(i);
    for (int k = 0; k < N; ++k) gradient[k] = rstd * (gradient[k] - mean_g - z[k] * mean_gz);
    const auto add = [&](const Floats<N>& other) {
      for (int k = 0; k < N; ++k) gradient[k] += other[k];
    };
    if (!b.dsum.empty()) add(load_floats<N>(b.dsum.row(row) + i));
    if (b.accumulate == Accumulate::yes) add(load_floats<N>(b.ds.row(row) + i));
    store_floats(b.ds.row(row) + i, gradient);
  });
}

// The sums over rows for the parameters: of each column, dweight's and dbias's.
template <class T>
struct ParameterGradients {
  static constexpr int kSums = 2;
  LayerNormBackward<T> b;

  constexpr Index rows() const { return b.sum.rows(); }
  constexpr Index columns() const { return b.sum.columns(); }
  __device__ void of(Index /*stack*/, Index row, Index column, float (&terms)[2]) const {
    const float gradient = to_float(b.dy.row(row)[column]);
    terms[0] = gradient * ((to_float(b.sum.row(row)[column]) - b.mean.data()[row]) * b.rstd.data()[row]);
    terms[1] = gradient;
  }
  __device__ void add(Index /*stack*/, Index column, const float (&sums)[2]) const {
    if (!b.dweight.empty()) b.dweight.data()[column] += sums[0];
    if (!b.dbias.empty()) b.dbias.data()[column] += sums[1];
  }
};

Launch over_rows(Index rows) {
  return {.grid = {ceil_div(rows, Index{kWarps})}, .block = {kLanes, kWarps}};
}

}  // namespace

template <class T>
void layer_norm_forward(Cuda& cuda, const LayerNormForward<T>& f) {
  f.check();
  const bool wide = simt::is_wide(f.x) && simt::is_wide(f.residual) && simt::is_wide(f.weight) &&
                    simt::is_wide(f.bias) && simt::is_wide(f.sum) && simt::is_wide(f.y);
  launch(cuda, "layer_norm_forward", over_rows(f.x.rows()),
         wide ? normalise_rows<T, simt::kWide<T>> : normalise_rows<T, 1>, f);
}

template <class T>
void layer_norm_backward(Cuda& cuda, const LayerNormBackward<T>& b) {
  b.check();
  const bool wide = simt::is_wide(b.sum) && simt::is_wide(b.weight) && simt::is_wide(b.dy) && simt::is_wide(b.dsum) &&
                    simt::is_wide(b.ds);
  launch(cuda, "layer_norm_backward", over_rows(b.sum.rows()),
         wide ? row_gradients<T, simt::kWide<T>> : row_gradients<T, 1>, b);
  if (!b.dweight.empty() || !b.dbias.empty()) column_sums::add(cuda, "layer_norm_backward", ParameterGradients<T>{b});
}

template void layer_norm_forward(Cuda&, const LayerNormForward<float>&);
template void layer_norm_forward(Cuda&, const LayerNormForward<bf16>&);
template void layer_norm_backward(Cuda&, const LayerNormBackward<float>&);
template void layer_norm_backward(Cuda&, const LayerNormBackward<bf16>&);

}  // namespace polonaise::kernels
