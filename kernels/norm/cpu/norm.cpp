#include "kernels/norm/norm.h"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/norm/cpu/norm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

// Zeros past `count`, for terms that load_n's zeros do not leave at zero.
Vec keep_n(Vec v, Index count) {
  const Floats d;
  return count >= lanes() ? v : hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(count)), v);
}

// The mean of n numbers, term(begin, count) a vector of them, through four sums that do not wait for each other.
template <class Term>
float mean_of(Index n, Term&& term) {
  const Floats d;
  const Index step = lanes();
  Vec sums[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  Index i = 0;
  for (; i + 4 * step <= n; i += 4 * step) {
    sums[0] = sums[0] + term(i, step);
    sums[1] = sums[1] + term(i + step, step);
    sums[2] = sums[2] + term(i + 2 * step, step);
    sums[3] = sums[3] + term(i + 3 * step, step);
  }
  for (; i < n; i += step) sums[0] = sums[0] + term(i, std::min(step, n - i));
  const Vec sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  return hn::GetLane(hn::SumOfLanes(d, sum)) / static_cast<float>(n);
}

// One row of forward; residual may be null, then sum is not written.
void norm_row(const float* x, const float* residual, const float* weight, const float* bias, float* sum, float* y,
              float* mean_out, float* rstd_out, Index n) {
  const Floats d;
  if (residual != nullptr)
    for_each_vector(n, [&](Index i, Index count)
                           HWY_ATTR { store_n(load_n(x + i, count) + load_n(residual + i, count), sum + i, count); });
  const float* s = residual != nullptr ? sum : x;
  const float mean = mean_of(n, [&](Index i, Index count) HWY_ATTR { return load_n(s + i, count); });
  const Vec mean_v = hn::Set(d, mean);
  const float variance = mean_of(n, [&](Index i, Index count) HWY_ATTR {
    const Vec centred = keep_n(load_n(s + i, count) - mean_v, count);
    return centred * centred;
  });
  const float rstd = 1.0f / std::sqrt(variance + kLayerNormEpsilon);
  const Vec rstd_v = hn::Set(d, rstd);
  for_each_vector(n, [&](Index i, Index count) HWY_ATTR {
    const Vec normal = (load_n(s + i, count) - mean_v) * rstd_v;
    store_n(hn::MulAdd(load_n(weight + i, count), normal, load_n(bias + i, count)), y + i, count);
  });
  *mean_out = mean;
  *rstd_out = rstd;
}

// One row of backward: with g = weight dy and z the normalised row,
// ds (+)= dsum + rstd (g - mean(g) - z mean(g z)). dsum may be null.
void norm_row_gradient(const float* s, const float* weight, float mean, float rstd, const float* dy, const float* dsum,
                       float* ds, Accumulate accumulate, Index n) {
  const Floats d;
  const Vec mean_v = hn::Set(d, mean), rstd_v = hn::Set(d, rstd);
  const auto g = [&](Index i, Index count) HWY_ATTR { return load_n(weight + i, count) * load_n(dy + i, count); };
  const auto z = [&](Index i, Index count) HWY_ATTR { return (load_n(s + i, count) - mean_v) * rstd_v; };
  const Vec mean_g = hn::Set(d, mean_of(n, g));
  const Vec mean_gz = hn::Set(d, mean_of(n, [&](Index i, Index count) HWY_ATTR { return g(i, count) * z(i, count); }));
  for_each_vector(n, [&](Index i, Index count) HWY_ATTR {
    Vec gradient = rstd_v * (g(i, count) - mean_g - z(i, count) * mean_gz);
    if (dsum != nullptr) gradient = gradient + load_n(dsum + i, count);
    if (accumulate == Accumulate::yes) gradient = gradient + load_n(ds + i, count);
    store_n(gradient, ds + i, count);
  });
}

// dweight[d] += sum_r dy z, dbias[d] += sum_r dy over `rows` rows and the columns [0, n); both start at their column.
void norm_column_sums(const float* s, Index s_stride, const float* dy, Index dy_stride, const float* mean,
                      const float* rstd, Index rows, float* dweight, float* dbias, Index n) {
  const Floats d;
  for_each_vector(n, [&](Index i, Index count) {
    Vec sum_weight = hn::Zero(d), sum_bias = hn::Zero(d);
    for (Index r = 0; r < rows; ++r) {
      const Vec gradient = load_n(dy + r * dy_stride + i, count);
      const Vec z = (load_n(s + r * s_stride + i, count) - hn::Set(d, mean[r])) * hn::Set(d, rstd[r]);
      sum_weight = hn::MulAdd(gradient, z, sum_weight);
      sum_bias = sum_bias + gradient;
    }
    if (dweight != nullptr) store_n(load_n(dweight + i, count) + sum_weight, dweight + i, count);
    if (dbias != nullptr) store_n(load_n(dbias + i, count) + sum_bias, dbias + i, count);
  });
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(norm_row);
HWY_EXPORT(norm_row_gradient);
HWY_EXPORT(norm_column_sums);

namespace {
constexpr Index kRowBlock = 32;     // rows of a task; two operands of 128 features stay in the first-level cache
constexpr Index kColumnBlock = 64;  // columns of a task that sums over all rows
}  // namespace

template <class T>
void layer_norm_forward(Cpu& cpu, const LayerNormForward<T>& f) {
  f.check();
  parallel_blocks(cpu, f.x.rows(), kRowBlock, [&](Index begin, Index count) {
    for (Index r = begin; r < begin + count; ++r) HWY_DYNAMIC_DISPATCH(norm_row)
    (f.x.row(r), f.residual.empty() ? nullptr : f.residual.row(r), f.weight.data(), f.bias.data(),
     f.sum.empty() ? nullptr : f.sum.row(r), f.y.row(r), f.mean.data() + r, f.rstd.data() + r, f.x.columns());
  });
}

template <class T>
void layer_norm_backward(Cpu& cpu, const LayerNormBackward<T>& b) {
  b.check();
  const Index R = b.sum.rows(), D = b.sum.columns();
  const auto rows_of = [&](Index block) { return std::min(kRowBlock, R - block * kRowBlock); };
  const auto row_gradients = [&](Index block) {
    for (Index r = block * kRowBlock; r < block * kRowBlock + rows_of(block); ++r)
      HWY_DYNAMIC_DISPATCH(norm_row_gradient)
    (b.sum.row(r), b.weight.data(), b.mean.data()[r], b.rstd.data()[r], b.dy.row(r),
     b.dsum.empty() ? nullptr : b.dsum.row(r), b.ds.row(r), b.accumulate, D);
  };
  const auto column_sums = [&](Index block, Index begin, Index count) {
    if (b.dweight.empty() && b.dbias.empty()) return;
    const Index r = block * kRowBlock;
    HWY_DYNAMIC_DISPATCH(norm_column_sums)
    (b.sum.row(r) + begin, b.sum.stride(), b.dy.row(r) + begin, b.dy.stride(), b.mean.data() + r, b.rstd.data() + r,
     rows_of(block), b.dweight.empty() ? nullptr : b.dweight.data() + begin,
     b.dbias.empty() ? nullptr : b.dbias.data() + begin, count);
  };
  const Index blocks = ceil_div(R, kRowBlock);
  if (cpu.threads <= 1) {  // the sums while the block is in cache
    for (Index block = 0; block < blocks; ++block) {
      row_gradients(block);
      column_sums(block, 0, D);
    }
    return;
  }
  // Threads take columns, and each adds the same sums in the same order.
  parallel_for(cpu, blocks, row_gradients);
  parallel_blocks(cpu, D, kColumnBlock, [&](Index begin, Index count) {
    for (Index block = 0; block < blocks; ++block) column_sums(block, begin, count);
  });
}

template void layer_norm_forward(Cpu&, const LayerNormForward<float>&);
template void layer_norm_backward(Cpu&, const LayerNormBackward<float>&);

}  // namespace polonaise::kernels
#endif
