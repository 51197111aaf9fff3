// Sums over the rows of a matrix, as the gradient of a bias needs them. Included like simd-inl.h.
#if defined(POLONAISE_KERNELS_CPU_COLUMN_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLONAISE_KERNELS_CPU_COLUMN_SUMS_INL_H_
#undef POLONAISE_KERNELS_CPU_COLUMN_SUMS_INL_H_
#else
#define POLONAISE_KERNELS_CPU_COLUMN_SUMS_INL_H_
#endif

#include <algorithm>

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

// kVectors neighbouring vectors of columns, `count` elements in the last. Rows are added in runs, so that a long sum
// does not swallow the small numbers that are added to it.
template <int kVectors>
void add_column_sums_strip(const float* x, Index stride, Index rows, Index count, float* sums) {
  constexpr Index kRun = 64;
  Vec total[kVectors];
  for (int i = 0; i < kVectors; ++i) total[i] = hn::Zero(Floats());
  for (Index begin = 0; begin < rows; begin += kRun) {
    const Index end = std::min(rows, begin + kRun);
    Vec run[kVectors];
    for (int i = 0; i < kVectors; ++i) run[i] = hn::Zero(Floats());
    for (Index r = begin; r < end; ++r)
      for (int i = 0; i < kVectors; ++i) run[i] = run[i] + load_n(x + r * stride + i * lanes(), count);
    for (int i = 0; i < kVectors; ++i) total[i] = total[i] + run[i];
  }
  for (int i = 0; i < kVectors; ++i) {
    float* sum = sums + i * lanes();
    store_n(load_n(sum, count) + total[i], sum, count);
  }
}

// sums[c] += x[0,c] + ... + x[rows-1,c] for c < n; the order depends on `rows` alone.
inline void add_column_sums(const float* x, Index stride, Index rows, Index n, float* sums) {
  const Index wide = 4 * lanes();
  Index c = 0;
  for (; c + wide <= n; c += wide) add_column_sums_strip<4>(x + c, stride, rows, lanes(), sums + c);
  for (; c < n; c += lanes()) add_column_sums_strip<1>(x + c, stride, rows, std::min(lanes(), n - c), sums + c);
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
