// Highway's side of the vocabulary in kernels/base/math.inc, and loads and stores of a row's tail. Included inside a
// kernel file after <hwy/highway.h>, once per target, hence the toggled guard.
#if defined(POLONAISE_KERNELS_CPU_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLONAISE_KERNELS_CPU_SIMD_INL_H_
#undef POLONAISE_KERNELS_CPU_SIMD_INL_H_
#else
#define POLONAISE_KERNELS_CPU_SIMD_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>

#include "kernels/base/view.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vec = hn::Vec<Floats>;

inline Index lanes() {
  return static_cast<Index>(hn::Lanes(Floats()));
}

inline Vec constant(Vec /*like*/, double value) {
  return hn::Set(Floats(), static_cast<float>(value));
}

// Highway's Exp is defined up to 104 only. NaN stays NaN: x86's minimum is its second operand where either is NaN.
inline Vec bounded_exp(Vec x) {
  const Floats d;
  return hn::Exp(d, hn::Min(hn::Set(d, 88.0f), x));
}

// sigmoid and tanh take one exp: absolute error below 2e-7, relative error grows only where tanh is near 0.
inline Vec sigmoid(Vec x) {
  const Floats d;
  const Vec one = hn::Set(d, 1.0f);
  return one / (one + bounded_exp(hn::Neg(x)));
}
inline Vec hyperbolic_tangent(Vec x) {
  const Floats d;
  const Vec one = hn::Set(d, 1.0f);
  const Vec two = hn::Set(d, 2.0f);
  return two / (one + bounded_exp(hn::Neg(two * x))) - one;
}

inline Vec exponential(Vec x) {
  return bounded_exp(x);
}
inline Vec log_sigmoid(Vec x) {
  const Floats d;
  return hn::Min(x, hn::Zero(d)) - hn::Log1p(d, bounded_exp(hn::Neg(hn::Abs(x))));
}
inline Vec larger(Vec a, Vec b) {
  return hn::Max(a, b);
}
inline Vec where_zero(Vec x, Vec then, Vec otherwise) {
  return hn::IfThenElse(x == hn::Zero(Floats()), then, otherwise);
}
inline Vec as_kept(Vec x) {
  return x;
}

// The first `count` lanes (0 < count <= lanes) from memory, `fill` behind them; memory past `count` is not touched.
// Only x86's masked moves promise the latter, so other targets go through a buffer.
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
inline Vec load_n(const float* p, Index count, float fill = 0.0f) {
  const Floats d;
  if (count >= lanes()) return hn::LoadU(d, p);
  const auto first = hn::FirstN(d, static_cast<std::size_t>(count));
  return hn::IfThenElse(first, hn::MaskedLoad(first, d, p), hn::Set(d, fill));
}
inline void store_n(Vec v, float* p, Index count) {
  const Floats d;
  if (count >= lanes()) {
    hn::StoreU(v, d, p);
    return;
  }
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
}
#else
inline Vec load_n(const float* p, Index count, float fill = 0.0f) {
  const Floats d;
  if (count >= lanes()) return hn::LoadU(d, p);
  HWY_ALIGN float buffer[hn::MaxLanes(d)];
  hn::Store(hn::Set(d, fill), d, buffer);
  for (Index i = 0; i < count; ++i) buffer[i] = p[i];
  return hn::Load(d, buffer);
}
inline void store_n(Vec v, float* p, Index count) {
  const Floats d;
  if (count >= lanes()) {
    hn::StoreU(v, d, p);
    return;
  }
  HWY_ALIGN float buffer[hn::MaxLanes(d)];
  hn::Store(v, d, buffer);
  for (Index i = 0; i < count; ++i) p[i] = buffer[i];
}
#endif

// Calls body(begin, count) over [0, n) in vectors; count is `lanes()` but at the tail.
template <class Body>
void for_each_vector(Index n, Body&& body) {
  const Index step = lanes();
  for (Index i = 0; i < n; i += step) body(i, n - i < step ? n - i : step);
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
