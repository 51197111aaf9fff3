#include "kernels/linear/linear.h"

#include <algorithm>

#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/linear/cpu/linear.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/cpu/column_sums-inl.h"
#include "kernels/cpu/product-inl.h"
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

// The normal distribution: its density phi(z), and Phi(z) = (1 + erf(z / sqrt 2)) / 2 by formula 7.1.26 of Abramowitz
// and Stegun, Handbook of Mathematical Functions (Hastings 1955), whose error of erf is below 1.5e-7; the exponential
// in it is phi's.
struct Normal {
  Vec density, cumulative;
};
inline Normal normal(Vec z) {
  const Floats d;
  const Vec one = hn::Set(d, 1.0f);
  const Vec x = hn::Abs(z) * hn::Set(d, 0.70710678118654752f);
  const Vec e = hn::Exp(d, hn::Neg(x * x));
  const Vec t = one / hn::MulAdd(hn::Set(d, 0.3275911f), x, one);
  Vec p = hn::Set(d, 1.061405429f);
  p = hn::MulAdd(p, t, hn::Set(d, -1.453152027f));
  p = hn::MulAdd(p, t, hn::Set(d, 1.421413741f));
  p = hn::MulAdd(p, t, hn::Set(d, -0.284496736f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.254829592f));
  const Vec tail = hn::Set(d, 0.5f) * p * t * e;  // Phi(-|z|)
  return {hn::Set(d, 0.39894228040143268f) * e, hn::IfThenElse(hn::Lt(z, hn::Zero(d)), tail, one - tail)};
}

// y = z Phi(z) over y = z; its derivative Phi(z) + z phi(z), which shares the exponential, goes to `slope` unless null.
void gelu_row(float* y, float* slope, Index n) {
  for_each_vector(n, [&](Index i, Index count) HWY_ATTR {
    const Vec z = load_n(y + i, count);
    const Normal at = normal(z);
    store_n(z * at.cumulative, y + i, count);
    if (slope != nullptr) store_n(hn::MulAdd(z, at.density, at.cumulative), slope + i, count);
  });
}

// dz = dy slope; dz may be dy.
void scale_row(const float* slope, const float* dy, float* dz, Index n) {
  for_each_vector(n, [&](Index i, Index count)
                         HWY_ATTR { store_n(load_n(dy + i, count) * load_n(slope + i, count), dz + i, count); });
}

// y = activation(x weight^T + bias) for some rows.
void forward_rows(View<const float, 2> x, View<const float, 2> weight, const float* bias, Activation activation,
                  View<float, 2> slope, View<float, 2> y) {
  multiply_packed(
      x, y, bias == nullptr ? Start::zero : Start::bias, bias,
      [&](Index first, Index columns, Index k, Index inner, float* panel)
          HWY_ATTR { pack_weight_rows(weight, first, columns, k, inner, panel); },
      [&](Index r, Index rows, Index first, Index columns) HWY_ATTR {
        if (activation == Activation::none) return;
        for (Index m = r; m < r + rows; ++m)
          gelu_row(y.row(m) + first, slope.empty() ? nullptr : slope.row(m) + first, columns);
      });
}

// dx (+)= dz weight for some rows.
void backward_rows(View<const float, 2> dz, View<const float, 2> weight, View<float, 2> dx, Accumulate accumulate) {
  multiply_packed(
      dz, dx, accumulate == Accumulate::yes ? Start::c : Start::zero, nullptr,
      [&](Index first, Index columns, Index k, Index inner, float* panel)
          HWY_ATTR { pack_columns(weight, first, columns, k, inner, panel); },
      [](Index, Index, Index, Index) {});
}

// dweight += dz^T x.
void weight_gradient(View<const float, 2> dz, View<const float, 2> x, View<float, 2> dweight) {
  add_outer_products(dz, x, dweight);
}

// y[n] = bias[n] + <x, weight[n,:]> for n < kRows. bias may be null.
template <int kRows>
void dot_rows(const float* x, const float* weight, Index stride, Index inner, const float* bias, float* y) {
  const Floats d;
  Vec sums[kRows];
  for (int n = 0; n < kRows; ++n) sums[n] = hn::Zero(d);
  for_each_vector(inner, [&](Index k, Index count) {
    const Vec value = load_n(x + k, count);
    for (int n = 0; n < kRows; ++n) sums[n] = hn::MulAdd(value, load_n(weight + n * stride + k, count), sums[n]);
  });
  for (int n = 0; n < kRows; ++n) y[n] = (bias ? bias[n] : 0.0f) + hn::GetLane(hn::SumOfLanes(d, sums[n]));
}

// The same for n < rows.
void vector_product(const float* x, const float* weight, Index stride, Index inner, const float* bias, Index rows,
                    float* y) {
  constexpr int kAtOnce = 4;
  Index n = 0;
  for (; n + kAtOnce <= rows; n += kAtOnce)
    dot_rows<kAtOnce>(x, weight + n * stride, stride, inner, bias ? bias + n : nullptr, y + n);
  for (; n < rows; ++n) dot_rows<1>(x, weight + n * stride, stride, inner, bias ? bias + n : nullptr, y + n);
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(gelu_row);
HWY_EXPORT(scale_row);
HWY_EXPORT(vector_product);
HWY_EXPORT(forward_rows);
HWY_EXPORT(backward_rows);
HWY_EXPORT(weight_gradient);
HWY_EXPORT(add_column_sums);

namespace {

constexpr Index kBlock = 131072;  // numbers of the left operand that one task takes: half of a second-level cache
constexpr Index kColumns = 96;    // columns that one task takes of a product with few rows, of dweight, or of dbias
// Rows up to which each weight is read from where it lies: packing it for a matrix product would cost more.
constexpr Index kFewRows = 3;

// Runs block(begin, count) over rows of which each has `columns` numbers.
template <class Block>
void over_row_blocks(const Cpu& cpu, Index rows, Index columns, Block&& block) {
  parallel_blocks(cpu, rows, std::max<Index>(96, kBlock / std::max<Index>(1, columns) / 96 * 96), block);
}

}  // namespace

template <class T>
void linear_forward(Cpu& cpu, const LinearForward<T>& f) {
  f.check();
  const Index rows = f.x.rows();
  if (rows <= kFewRows) {
    parallel_blocks(cpu, f.weight.rows(), kColumns, [&](Index begin, Index count) {
      for (Index r = 0; r < rows; ++r) {
        HWY_DYNAMIC_DISPATCH(vector_product)
        (f.x.row(r), f.weight.row(begin), f.weight.stride(), f.x.columns(),
         f.bias.empty() ? nullptr : f.bias.data() + begin, count, f.y.row(r) + begin);
        if (f.activation == Activation::gelu)
          HWY_DYNAMIC_DISPATCH(gelu_row)(f.y.row(r) + begin, f.saved.empty() ? nullptr : f.saved.row(r) + begin, count);
      }
    });
    return;
  }
  over_row_blocks(cpu, rows, f.x.columns(), [&](Index begin, Index count) {
    HWY_DYNAMIC_DISPATCH(forward_rows)
    (f.x.row_block(begin, count), f.weight, f.bias.data(), f.activation,
     f.saved.empty() ? View<T, 2>() : f.saved.row_block(begin, count), f.y.row_block(begin, count));
  });
}

template <class T>
void linear_backward(Cpu& cpu, const LinearBackward<T>& b) {
  b.check();
  const Index rows = b.dy.rows(), outputs = b.dy.columns();
  const bool gelu = b.activation == Activation::gelu;
  const View<const T, 2> gradient = gelu ? View<const T, 2>(b.dz) : b.dy;

  if (gelu || !b.dx.empty())
    over_row_blocks(cpu, rows, outputs, [&](Index begin, Index count) {
      if (gelu)
        for (Index r = begin; r < begin + count; ++r)
          HWY_DYNAMIC_DISPATCH(scale_row)(b.saved.row(r), b.dy.row(r), b.dz.row(r), outputs);
      if (!b.dx.empty()) HWY_DYNAMIC_DISPATCH(backward_rows)
      (gradient.row_block(begin, count), b.weight, b.dx.row_block(begin, count), b.dx_accumulate);
    });
  if (!b.dweight.empty())
    parallel_blocks(cpu, outputs, kColumns, [&](Index begin, Index count) {
      HWY_DYNAMIC_DISPATCH(weight_gradient)
      (gradient.column_block(begin, count), b.x, b.dweight.row_block(begin, count));
    });
  if (!b.dbias.empty())
    parallel_blocks(cpu, outputs, kColumns, [&](Index begin, Index count) {
      HWY_DYNAMIC_DISPATCH(add_column_sums)
      (gradient.data() + begin, gradient.stride(), rows, count, b.dbias.data() + begin);
    });
}

template void linear_forward(Cpu&, const LinearForward<float>&);
template void linear_backward(Cpu&, const LinearBackward<float>&);

}  // namespace polonaise::kernels
#endif
