#include "kernels/norm.h"

#include <algorithm>

#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"
#include "kernels/norm_shapes.h"
#include "kernels/require.h"
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
__global__ void normalise_rows(View<const T, 2> x, View<const T, 2> residual, const T* weight, const T* bias,
                               View<T, 2> sum, View<T, 2> y, float* mean_of_row, float* rstd_of_row) {
  const Index row = row_of_warp(), D = x.columns();
  if (row >= x.rows()) return;  // the whole warp leaves, and no barrier of the block follows
  const T* s = x.row(row);
  if (!residual.empty()) {
    for_each_of_row<N>(D, [&](Index i) {
      auto value = load_floats<N>(x.row(row) + i);
      const auto added = load_floats<N>(residual.row(row) + i);
      for (int k = 0; k < N; ++k) value[k] += added[k];
      store_floats(sum.row(row) + i, value);
    });
    s = sum.row(row);  // each lane reads what it has written itself
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
    const auto w = load_floats<N>(weight + i), b = load_floats<N>(bias + i);
    for (int k = 0; k < N; ++k) value[k] = w[k] * ((value[k] - mean) * rstd) + b[k];
    store_floats(y.row(row) + i, value);
  });
  if (threadIdx.x == 0) {
    mean_of_row[row] = mean;
    rstd_of_row[row] = rstd;
  }
}

// With g = weight dy and z the normalised row: ds (+)= dsum + rstd (g - mean(g) - z mean(g z)).
template <class T, int N>
__global__ void row_gradients(View<const T, 2> s, const T* weight, const float* mean_of_row, const float* rstd_of_row,
                              View<const T, 2> dy, View<const T, 2> dsum, View<T, 2> ds, bool accumulate) {
  const Index row = row_of_warp(), D = s.columns();
  if (row >= s.rows()) return;
  const float mean = mean_of_row[row], rstd = rstd_of_row[row];
  const auto g_of = [&](Index i) {
    auto g = load_floats<N>(dy.row(row) + i);
    const auto w = load_floats<N>(weight + i);
    for (int k = 0; k < N; ++k) g[k] *= w[k];
    return g;
  };
  const auto z_of = [&](Index i) {
    auto z = load_floats<N>(s.row(row) + i);
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
    if (!dsum.empty()) add(load_floats<N>(dsum.row(row) + i));
    if (accumulate) add(load_floats<N>(ds.row(row) + i));
    store_floats(ds.row(row) + i, gradient);
  });
}

// Sums over rows, for the parameters. A block takes 32 columns of kChunkRows rows or more; its threads along y take
// every kRowThreads-th row, and the first of them adds up what they have. Chunk c's sums go to partials [chunks, 2, D].
constexpr int kRowThreads = 8;
constexpr Index kChunkRows = 64, kMostChunks = 128;

template <class T>
__global__ void column_partials(View<const T, 2> s, const float* mean, const float* rstd, View<const T, 2> dy,
                                Index chunk_rows, float* partials) {
  SHARED(float, weight_sums, [kRowThreads][kLanes]);
  SHARED(float, bias_sums, [kRowThreads][kLanes]);
  const Index D = s.columns(), column = static_cast<Index>(blockIdx.x) * kLanes + threadIdx.x;
  const Index begin = static_cast<Index>(blockIdx.y) * chunk_rows, end = std::min(begin + chunk_rows, s.rows());
  float dweight = 0, dbias = 0;
  if (column < D)
    for (Index r = begin + threadIdx.y; r < end; r += kRowThreads) {
      const float gradient = to_float(dy.row(r)[column]);
      dweight += gradient * ((to_float(s.row(r)[column]) - mean[r]) * rstd[r]);
      dbias += gradient;
    }
  weight_sums[threadIdx.y][threadIdx.x] = dweight;
  bias_sums[threadIdx.y][threadIdx.x] = dbias;
  __syncthreads();
  if (threadIdx.y != 0 || column >= D) return;
  for (int y = 1; y < kRowThreads; ++y) {
    dweight += weight_sums[y][threadIdx.x];
    dbias += bias_sums[y][threadIdx.x];
  }
  float* const of_chunk = partials + static_cast<Index>(blockIdx.y) * 2 * D;
  of_chunk[column] = dweight;
  of_chunk[D + column] = dbias;
}

// A thread owns a column of dweight and dbias, and adds the chunks in their order.
__global__ void add_column_partials(const float* partials, Index chunks, Index D, float* dweight, float* dbias) {
  const Index column = static_cast<Index>(blockIdx.x) * kLanes + threadIdx.x;
  if (column >= D) return;
  float weight_sum = 0, bias_sum = 0;
  for (Index chunk = 0; chunk < chunks; ++chunk) {
    weight_sum += partials[(2 * chunk) * D + column];
    bias_sum += partials[(2 * chunk + 1) * D + column];
  }
  if (dweight != nullptr) dweight[column] += weight_sum;
  if (dbias != nullptr) dbias[column] += bias_sum;
}

Launch over_rows(Index rows) {
  return {.grid = {ceil_div(rows, Index{kWarps})}, .block = {kLanes, kWarps}};
}

template <class T>
void parameter_gradients(Cuda& cuda, View<const T, 2> s, View<const float, 1> mean, View<const float, 1> rstd,
                         View<const T, 2> dy, View<float, 1> dweight, View<float, 1> dbias) {
  const Index R = s.rows(), D = s.columns();
  auto* partials = static_cast<float*>(cuda.scratch());
  const Index room = static_cast<Index>(Cuda::kScratchBytes / (2 * sizeof(float))) / D;
  require(room >= 1, "rows are too long for the scratch memory of reductions");
  const Index chunk_rows = std::max(kChunkRows, ceil_div(R, std::min(kMostChunks, room)));
  const Index chunks = ceil_div(R, chunk_rows);
  launch(cuda, "layer_norm_backward", {.grid = {ceil_div(D, kLanes), chunks}, .block = {kLanes, kRowThreads}},
         column_partials<T>, s, mean.data(), rstd.data(), dy, chunk_rows, partials);
  launch(cuda, "layer_norm_backward", {.grid = {ceil_div(D, kLanes)}, .block = {kLanes}}, add_column_partials, partials,
         chunks, D, dweight.data(), dbias.data());
}

}  // namespace

template <class T>
void layer_norm_forward(Cuda& cuda, View<const T, 2> x, View<const T, 2> residual, View<const T, 1> weight,
                        View<const T, 1> bias, View<T, 2> sum, View<T, 2> y, View<float, 1> mean, View<float, 1> rstd) {
  require_layer_norm_forward(x, residual, weight, bias, sum, y, mean, rstd);
  const bool wide = simt::is_wide(x) && simt::is_wide(residual) && simt::is_wide(weight) && simt::is_wide(bias) &&
                    simt::is_wide(sum) && simt::is_wide(y);
  launch(cuda, "layer_norm_forward", over_rows(x.rows()),
         wide ? normalise_rows<T, simt::kWide<T>> : normalise_rows<T, 1>, x, residual, weight.data(), bias.data(), sum,
         y, mean.data(), rstd.data());
}

template <class T>
void layer_norm_backward(Cuda& cuda, View<const T, 2> sum, View<const T, 1> weight, View<const float, 1> mean,
                         View<const float, 1> rstd, View<const T, 2> dy, View<const T, 2> dsum, View<T, 2> ds,
                         Accumulate accumulate, View<float, 1> dweight, View<float, 1> dbias) {
  require_layer_norm_backward(sum, weight, mean, rstd, dy, dsum, ds, dweight, dbias);
  const bool wide =
      simt::is_wide(sum) && simt::is_wide(weight) && simt::is_wide(dy) && simt::is_wide(dsum) && simt::is_wide(ds);
  launch(cuda, "layer_norm_backward", over_rows(sum.rows()),
         wide ? row_gradients<T, simt::kWide<T>> : row_gradients<T, 1>, sum, weight.data(), mean.data(), rstd.data(),
         dy, dsum, ds, accumulate == Accumulate::yes);
  if (!dweight.empty() || !dbias.empty()) parameter_gradients(cuda, sum, mean, rstd, dy, dweight, dbias);
}

#define INSTANTIATE(T)                                                                                               \
  template void layer_norm_forward<T>(Cuda&, View<const T, 2>, View<const T, 2>, View<const T, 1>, View<const T, 1>, \
                                      View<T, 2>, View<T, 2>, View<float, 1>, View<float, 1>);                       \
  template void layer_norm_backward<T>(Cuda&, View<const T, 2>, View<const T, 1>, View<const float, 1>,              \
                                       View<const float, 1>, View<const T, 2>, View<const T, 2>, View<T, 2>,         \
                                       Accumulate, View<float, 1>, View<float, 1>)
INSTANTIATE(float);
INSTANTIATE(bf16);

}  // namespace polonaise::kernels
