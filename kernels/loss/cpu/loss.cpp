#include "kernels/loss/loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/indices.h"
#include "kernels/cpu/parallel.h"

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
float cross_entropy_row(const float* x, Index n, Index target, float* dx) {
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
    const Vec factor = hn::Set(d, 1 / sum);
    for_each_vector(n, [&](Index v, Index count) { store_n(load_n(dx + v, count) * factor, dx + v, count); });
    dx[target] -= 1;
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

// Writes the loss of every row that counts, row(r, gradient), and clears the gradient of the others.
template <class Loss, class Counts, class Row>
void over_rows(const Cpu& cpu, const Loss& loss, Counts&& counts, Row&& row) {
  parallel_rows(cpu, loss.logits.rows(), loss.logits.columns(), [&](Index r) {
    float* const gradient = loss.dlogits.empty() ? nullptr : loss.dlogits.row(r);
    const bool counted = counts(r);
    if (!counted && gradient) std::fill_n(gradient, loss.dlogits.columns(), 0.0f);
    loss.losses.data()[r] = counted ? row(r, gradient) : 0.0f;
  });
}

}  // namespace

void softmax_cross_entropy(Cpu& cpu, const SoftmaxCrossEntropy& s) {
  s.check();
  const Index V = s.logits.columns();
  const std::int32_t* const targets = s.targets.data();
  require(indices_within(s.targets, -1, V), "a target must be -1 or a column of logits");
  over_rows(
      cpu, s, [&](Index r) { return targets[r] >= 0; },
      [&](Index r, float* gradient) {
        return HWY_DYNAMIC_DISPATCH(cross_entropy_row)(s.logits.row(r), V, targets[r], gradient);
      });
}

void bernoulli_with_logits(Cpu& cpu, const BernoulliWithLogits& b) {
  b.check();
  const Index K = b.logits.columns();
  require(sparse_rows_within(b.targets, b.logits.rows(), K), "targets must be sparse rows of logits's shape");
  const std::int32_t *offsets = b.targets.offsets.data(), *keys = b.targets.columns.data();
  over_rows(
      cpu, b, [&](Index r) { return b.mask.empty() || b.mask.data()[r] != 0; },
      [&](Index r, float* gradient) {
        return HWY_DYNAMIC_DISPATCH(bernoulli_row)(b.logits.row(r), K, keys + offsets[r], offsets[r + 1] - offsets[r],
                                                   gradient);
      });
}

}  // namespace polonaise::kernels
#endif
