#include "kernels/loss/loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/indices.h"
#include "kernels/cpu/parallel.h"
#include "kernels/loss/loss_shapes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/loss/cpu/loss.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/cpu/simd-inl.h"
#include "kernels/loss/cpu/bernoulli-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

// The loss of one row; its gradient goes to dx unless that is null. dx may be x. Highway's Exp takes NaN to 0, so NaN
// is looked for: a diverged network must show in its loss.
float cross_entropy_row(const float* x, Index n, Index target, float scale, float* dx) {
  const Floats d;
  const float at_target = x[target];
  Vec peaks = hn::Set(d, -kInfinity);
  auto nan = hn::IsNaN(peaks);
  for_each_vector(n, [&](Index v, Index count) {
    const Vec value = load_n(x + v, count, -kInfinity);
    peaks = hn::Max(peaks, value);
    nan = hn::Or(nan, hn::IsNaN(value));
  });
  if (!hn::AllFalse(d, nan)) {
    if (dx) std::fill(dx, dx + n, std::numeric_limits<float>::quiet_NaN());
    return std::numeric_limits<float>::quiet_NaN();
  }
  const Vec peak = hn::MaxOfLanes(d, peaks);
  Vec sums = hn::Zero(d);
  for_each_vector(n, [&](Index v, Index count) {
    const Vec weight = hn::Exp(d, load_n(x + v, count, -kInfinity) - peak);
    sums = sums + weight;
    if (dx) store_n(weight, dx + v, count);
  });
  const float sum = hn::GetLane(hn::SumOfLanes(d, sums));
  if (dx) {
    const Vec factor = hn::Set(d, scale / sum);
    for_each_vector(n, [&](Index v, Index count) { store_n(load_n(dx + v, count) * factor, dx + v, count); });
    dx[target] -= scale;
  }
  return std::log(sum) + (hn::GetLane(peak) - at_target);
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(cross_entropy_row);
HWY_EXPORT(bernoulli_row);

namespace {

constexpr Index kBlock = 16384;  // logits that one task takes

// Writes the loss of every row that counts and clears the gradient of the others.
template <class Counts, class Row>
void over_rows(const Cpu& cpu, View<const float, 2> logits, View<float, 1> losses, Accumulate accumulate,
               View<float, 2> dlogits, Counts&& counts, Row&& row) {
  const Index rows = logits.rows(), rows_per_block = std::max<Index>(1, kBlock / logits.columns());
  parallel_for(cpu, ceil_div(rows, rows_per_block), [&](Index block) {
    const Index end = std::min(rows, (block + 1) * rows_per_block);
    for (Index r = block * rows_per_block; r < end; ++r) {
      float* gradient = dlogits.empty() ? nullptr : dlogits.row(r);
      float loss = 0;
      if (counts(r))
        loss = row(r, gradient);
      else if (gradient)
        std::fill(gradient, gradient + logits.columns(), 0.0f);
      float& total = losses.data()[r];
      total = accumulate == Accumulate::yes ? total + loss : loss;
    }
  });
}

}  // namespace

void softmax_cross_entropy(Cpu& cpu, View<const float, 2> logits, View<const std::int32_t, 1> targets, float scale,
                           View<float, 1> losses, Accumulate accumulate, View<float, 2> dlogits) {
  require_cross_entropy(logits, targets, losses, dlogits);
  require(indices_within(targets, -1, logits.columns()), "a target must be -1 or a column of logits");
  over_rows(
      cpu, logits, losses, accumulate, dlogits, [&](Index r) { return targets.data()[r] >= 0; },
      [&](Index r, float* gradient) {
        return HWY_DYNAMIC_DISPATCH(cross_entropy_row)(logits.row(r), logits.columns(), targets.data()[r], scale,
                                                       gradient);
      });
}

void bernoulli_with_logits(Cpu& cpu, View<const float, 2> logits, SparseRows targets, View<const std::int32_t, 1> mask,
                           float scale, View<float, 1> losses, Accumulate accumulate, View<float, 2> dlogits) {
  require_bernoulli(logits, targets, mask, losses, dlogits);
  require(sparse_rows_within(targets, logits.rows(), logits.columns()),
          "targets must be sparse rows of logits's shape");
  const std::int32_t* offsets = targets.offsets.data();
  over_rows(
      cpu, logits, losses, accumulate, dlogits, [&](Index r) { return mask.empty() || mask.data()[r] != 0; },
      [&](Index r, float* gradient) {
        return HWY_DYNAMIC_DISPATCH(bernoulli_row)(logits.row(r), logits.columns(), targets.columns.data() + offsets[r],
                                                   offsets[r + 1] - offsets[r], scale, gradient);
      });
}

}  // namespace polonaise::kernels
#endif
