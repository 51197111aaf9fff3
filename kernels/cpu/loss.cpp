#include "kernels/loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cpu/indices.h"
#include "kernels/cpu/parallel.h"
#include "kernels/loss_shapes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/loss.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Highway's Exp takes NaN to 0, so both rows below look for NaN themselves: a diverged network must show in its loss.

// The loss of one row; its gradient goes to dx unless that is null. dx may be x.
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

// log(1 + e) is summed over a row as one logarithm of a product of factors in 1..2, kFactors of them to a lane (so that
// none overflows), plus what each lost when 1 + e was rounded, to first order.
constexpr Index kFactors = 64;

// The loss of one row whose sounding keys are `keys`; its gradient goes to dx unless that is null. dx may be x.
float bernoulli_row(const float* x, Index n, const std::int32_t* keys, Index key_count, float scale, float* dx) {
  const Floats d;
  const Vec zero = hn::Zero(d), one = hn::Set(d, 1.0f), scales = hn::Set(d, scale);
  float at_keys = 0;
  for (Index i = 0; i < key_count; ++i) at_keys += x[keys[i]];
  Vec sums = zero;
  for (Index begin = 0; begin < n; begin += kFactors * lanes()) {
    Vec product = one;
    for_each_vector(std::min(kFactors * lanes(), n - begin), [&](Index offset, Index count) {
      const Index k = begin + offset;
      const Vec value = load_n(x + k, count, -kInfinity);
      const Vec e = hn::Exp(d, hn::Neg(hn::Abs(value)));
      const Vec factor = one + e;
      const Vec inverse = one / factor;
      const auto negative = hn::Lt(value, zero);
      product = product * factor;
      sums = sums + hn::IfThenElse(negative, zero, value) + (e - (factor - one)) * inverse;
      if (dx) {
        const Vec probability = hn::IfThenElse(negative, e * inverse, inverse);
        store_n(hn::IfThenElse(hn::IsNaN(value), value, probability * scales), dx + k, count);
      }
    });
    sums = sums + hn::Log(d, product);
  }
  if (dx)
    for (Index i = 0; i < key_count; ++i) dx[keys[i]] -= scale;
  return hn::GetLane(hn::SumOfLanes(d, sums)) - at_keys;
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
