#include "kernels/loss/loss.h"

#include <limits>

#include "kernels/cuda/device/sparse.cuh"
#include "kernels/cuda/host/context.h"
#include "kernels/cuda/host/launch.h"
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

__device__ void put_loss(float loss, View<float, 1> losses, Index row) {
  if (threadIdx.x == 0) losses.data()[row] = loss;
}

// What a row without a target, or with one that is none of its columns, has for its loss and its gradient.
template <int N>
__device__ void fill_row(float value, View<float, 2> dlogits, Index row) {
  if (!dlogits.empty())
    write_row<N>(dlogits.row(row), dlogits.columns(), dlogits.row(row), [&](Index, float) { return value; });
}

template <int N>
__global__ void cross_entropy_rows(SoftmaxCrossEntropy s) {
  const Index row = row_of_warp(), V = s.logits.columns();
  if (row >= s.logits.rows()) return;  // the whole warp leaves, and no barrier of the block follows
  const Index target = s.targets.data()[row];
  if (target < 0 || target >= V) {
    const float value = target == -1 ? 0 : kNan;
    fill_row<N>(value, s.dlogits, row);
    put_loss(value, s.losses, row);
    return;
  }
  const float* const x = s.logits.row(row);
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
  if (!s.dlogits.empty()) {
    const float factor = 1 / sum;
    write_row<N>(x, V, s.dlogits.row(row),
                 [&](Index v, float value) { return factor * expf(value - peak) - (v == target ? 1.0f : 0.0f); });
  }
  put_loss(logf(sum) + (peak - at_target), s.losses, row);
}

template <int N>
__global__ void bernoulli_rows(BernoulliWithLogits b) {
  const Index row = row_of_warp(), K = b.logits.columns();
  if (row >= b.logits.rows()) return;
  const Entries keys(b.targets, row);
  const std::int32_t* const columns = b.targets.columns.data();
  const float* const x = b.logits.row(row);
  const bool counts = b.mask.empty() || b.mask.data()[row] != 0;
  bool known = keys.well_formed;
  float loss = 0;
  for (Index e = keys.begin + threadIdx.x; e < keys.end; e += kLanes) {
    const Index key = columns[e];
    if (key >= 0 && key < K)
      loss -= x[key];
    else
      known = false;
  }
  known = __all_sync(simt::kWholeWarp, known) != 0;
  __syncwarp();  // the logits of keys are other lanes' to overwrite
  if (!known || !counts) {
    const float value = counts ? kNan : 0;
    fill_row<N>(value, b.dlogits, row);
    put_loss(value, b.losses, row);
    return;
  }
  const auto add_loss = [&](float value) { loss += fmaxf(value, 0) + log1pf(expf(-fabsf(value))); };
  if (b.dlogits.empty()) {
    visit_row<N>(x, K, [&](Index, float value) { add_loss(value); });
  } else {
    write_row<N>(x, K, b.dlogits.row(row), [&](Index, float value) {
      add_loss(value);
      const float e = expf(-fabsf(value));
      return (value < 0 ? e : 1) / (1 + e);
    });
    __syncwarp();  // the gradient of keys is other lanes' work
    for (Index e = keys.begin + threadIdx.x; e < keys.end; e += kLanes) b.dlogits.row(row)[columns[e]] -= 1;
  }
  loss = simt::warp::sum(loss);
  put_loss(loss, b.losses, row);
}

Launch over_rows(Index rows) {
  return {.grid = {ceil_div(rows, Index{kWarps})}, .block = {kLanes, kWarps}};
}

}  // namespace

void softmax_cross_entropy(Cuda& cuda, const SoftmaxCrossEntropy& s) {
  s.check();
  const bool wide = simt::is_wide(s.logits) && simt::is_wide(s.dlogits);
  launch(cuda, "softmax_cross_entropy", over_rows(s.logits.rows()),
         wide ? cross_entropy_rows<simt::kWide<float>> : cross_entropy_rows<1>, s);
}

void bernoulli_with_logits(Cuda& cuda, const BernoulliWithLogits& b) {
  b.check();
  const bool wide = simt::is_wide(b.logits) && simt::is_wide(b.dlogits);
  launch(cuda, "bernoulli_with_logits", over_rows(b.logits.rows()),
         wide ? bernoulli_rows<simt::kWide<float>> : bernoulli_rows<1>, b);
}

}  // namespace polonaise::kernels
