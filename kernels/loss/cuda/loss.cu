#include "kernels/loss/loss.h"

#include <limits>

#include "kernels/cuda/device/sparse.cuh"
#include "kernels/cuda/host/context.h"
#include "kernels/cuda/host/launch.h"
#include "kernels/loss/loss_shapes.h"
#include "kernels/simt/simt.h"

namespace polonaise::kernels {
namespace {

using simt::load;
using simt::store;

// A warp owns a row: its lanes take N neighbouring logits each, then those 32 N further on, and read them again for the
// gradient, from the first-level cache. A lane writes only where it alone reads, since the gradient may take the
// logits' place.
constexpr int kWarps = 4;
constexpr Index kLanes = 32;
constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

__device__ Index row_of_warp() {
  return static_cast<Index>(blockIdx.x) * kWarps + threadIdx.y;
}

// visit(column, logit) for what the lane has of a row.
template <int N, class Visit>
__device__ void visit_row(const float* x, Index columns, Visit&& visit) {
  for (Index c = threadIdx.x * N; c < columns; c += kLanes * N) {
    const auto values = load<N>(x + c);
    for (int k = 0; k < N; ++k) visit(c + k, values[k]);
  }
}

// dx[c] = gradient(column, logit), for the same. dx may be x.
template <int N, class Gradient>
__device__ void write_row(const float* x, Index columns, float* dx, Gradient&& gradient) {
  for (Index c = threadIdx.x * N; c < columns; c += kLanes * N) {
    auto values = load<N>(x + c);
    for (int k = 0; k < N; ++k) values[k] = gradient(c + k, values[k]);
    store(dx + c, values);
  }
}

__device__ void put_loss(float loss, float& place, bool accumulate) {
  if (threadIdx.x == 0) place = accumulate ? place + loss : loss;
}

// What a row without a target, or with one that is none of its columns, has for its loss and its gradient.
template <int N>
__device__ void fill_row(float value, View<float, 2> dlogits, Index row) {
  if (!dlogits.empty())
    write_row<N>(dlogits.row(row), dlogits.columns(), dlogits.row(row), [&](Index, float) { return value; });
}

template <int N>
__global__ void cross_entropy_rows(View<const float, 2> logits, const std::int32_t* targets, float scale, float* losses,
                                   bool accumulate, View<float, 2> dlogits) {
  const Index row = row_of_warp(), V = logits.columns();
  if (row >= logits.rows()) return;  // the whole warp leaves, and no barrier of the block follows
  const Index target = targets[row];
  if (target < 0 || target >= V) {
    const float value = target == -1 ? 0 : kNan;
    fill_row<N>(value, dlogits, row);
    put_loss(value, losses[row], accumulate);
    return;
  }
  const float* const x = logits.row(row);
  float peak = -kInfinity, at_target = 0;
  visit_row<N>(x, V, [&](Index v, float value) {
    peak = fmaxf(peak, value);
    if (v == target) at_target = value;
  });
  peak = simt::warp::max(peak);
  at_target = simt::warp::sum(at_target);
  float sum = 0;
  visit_row<N>(x, V, [&](Index, float value) { sum += expf(value - peak); });
  sum = simt::warp::sum(sum);
  if (!dlogits.empty()) {
    const float factor = scale / sum;
    write_row<N>(x, V, dlogits.row(row),
                 [&](Index v, float value) { return factor * expf(value - peak) - (v == target ? scale : 0); });
  }
  put_loss(logf(sum) + (peak - at_target), losses[row], accumulate);
}

template <int N>
__global__ void bernoulli_rows(View<const float, 2> logits, SparseRows targets, const std::int32_t* mask, float scale,
                               float* losses, bool accumulate, View<float, 2> dlogits) {
  const Index row = row_of_warp(), K = logits.columns();
  if (row >= logits.rows()) return;
  const Entries keys(targets, row);
  const float* const x = logits.row(row);
  const bool counts = mask == nullptr || mask[row] != 0;
  bool known = keys.well_formed;
  float loss = 0;
  for (Index e = keys.begin + threadIdx.x; e < keys.end; e += kLanes) {
    const Index key = targets.columns.data()[e];
    if (key >= 0 && key < K)
      loss -= x[key];
    else
      known = false;
  }
  known = __all_sync(simt::kWholeWarp, known) != 0;
  __syncwarp();  // the logits of keys are other lanes' to overwrite
  if (!known || !counts) {
    const float value = counts ? kNan : 0;
    fill_row<N>(value, dlogits, row);
    put_loss(value, losses[row], accumulate);
    return;
  }
  const auto add_loss = [&](float value) { loss += fmaxf(value, 0) + log1pf(expf(-fabsf(value))); };
  if (dlogits.empty()) {
    visit_row<N>(x, K, [&](Index, float value) { add_loss(value); });
  } else {
    write_row<N>(x, K, dlogits.row(row), [&](Index, float value) {
      add_loss(value);
      const float e = expf(-fabsf(value));
      return scale * ((value < 0 ? e : 1) / (1 + e));
    });
    __syncwarp();  // the gradient of keys is other lanes' work
    for (Index e = keys.begin + threadIdx.x; e < keys.end; e += kLanes)
      dlogits.row(row)[targets.columns.data()[e]] -= scale;
  }
  loss = simt::warp::sum(loss);
  put_loss(loss, losses[row], accumulate);
}

Launch over_rows(Index rows) {
  return {.grid = {ceil_div(rows, Index{kWarps})}, .block = {kLanes, kWarps}};
}

}  // namespace

void softmax_cross_entropy(Cuda& cuda, View<const float, 2> logits, View<const std::int32_t, 1> targets, float scale,
                           View<float, 1> losses, Accumulate accumulate, View<float, 2> dlogits) {
  require_cross_entropy(logits, targets, losses, dlogits);
  const bool wide = simt::is_wide(logits) && simt::is_wide(dlogits);
  launch(cuda, "softmax_cross_entropy", over_rows(logits.rows()),
         wide ? cross_entropy_rows<simt::kWide<float>> : cross_entropy_rows<1>, logits, targets.data(), scale,
         losses.data(), accumulate == Accumulate::yes, dlogits);
}

void bernoulli_with_logits(Cuda& cuda, View<const float, 2> logits, SparseRows targets,
                           View<const std::int32_t, 1> mask, float scale, View<float, 1> losses, Accumulate accumulate,
                           View<float, 2> dlogits) {
  require_bernoulli(logits, targets, mask, losses, dlogits);
  const bool wide = simt::is_wide(logits) && simt::is_wide(dlogits);
  launch(cuda, "bernoulli_with_logits", over_rows(logits.rows()),
         wide ? bernoulli_rows<simt::kWide<float>> : bernoulli_rows<1>, logits, targets, mask.data(), scale,
         losses.data(), accumulate == Accumulate::yes, dlogits);
}

}  // namespace polonaise::kernels
