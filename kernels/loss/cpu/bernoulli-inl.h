// The loss of one row of Bernoulli keys. Included like simd-inl.h.
#if defined(POLONAISE_KERNELS_CPU_BERNOULLI_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLONAISE_KERNELS_CPU_BERNOULLI_INL_H_
#undef POLONAISE_KERNELS_CPU_BERNOULLI_INL_H_
#else
#define POLONAISE_KERNELS_CPU_BERNOULLI_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// log(1 + e) is summed over a row as one logarithm of a product of factors in 1..2, kFactors of them to a lane (so that
// none overflows), plus what each lost when 1 + e was rounded, to first order.
constexpr Index kFactors = 64;

// The loss of one row whose sounding keys are `keys`; its gradient goes to dx unless that is null. dx may be x.
// Highway's Exp takes NaN to 0, so NaN is looked for: a diverged network must show in its loss.
inline float bernoulli_row(const float* x, Index n, const std::int32_t* keys, Index key_count, float* dx) {
  const Floats d;
  const Vec zero = hn::Zero(d), one = hn::Set(d, 1.0f);
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
        store_n(hn::IfThenElse(hn::IsNaN(value), value, probability), dx + k, count);
      }
    });
    sums = sums + hn::Log(d, product);
  }
  if (dx)
    for (Index i = 0; i < key_count; ++i) dx[keys[i]] -= 1;
  return hn::GetLane(hn::SumOfLanes(d, sums)) - at_keys;
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
