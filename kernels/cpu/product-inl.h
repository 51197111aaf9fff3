// Products with a weight matrix, for layers that fuse them with a bias and an activation. A panel of the weight (a few
// columns of the product) is packed once and meets all rows of a task while it stays in the first-level cache; the rows
// are read where they lie. Included like simd-inl.h.
#if defined(POLONAISE_KERNELS_CPU_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLONAISE_KERNELS_CPU_PRODUCT_INL_H_
#undef POLONAISE_KERNELS_CPU_PRODUCT_INL_H_
#else
#define POLONAISE_KERNELS_CPU_PRODUCT_INL_H_
#endif

#include <algorithm>
#include <type_traits>

#include "kernels/base/view.h"
#include "kernels/cpu/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

constexpr Index kMaxTileColumns = 2 * static_cast<Index>(hn::MaxLanes(Floats()));
constexpr Index kInner = 512;      // the most of the inner dimension that one panel holds
constexpr Index kInnerRows = 128;  // the same where the inner dimension are rows: both operands are packed
constexpr Index kStrip = 8 * kTileRows;

// Multiplies a tile at the edge, of which only `rows` by `columns` exist; a still has kTileRows rows.
template <Start kStart>
inline void multiply_part(Left a, Right b, Index inner, float* c, Index c_row, Index rows, Index columns,
                          const float* bias) {
  if (rows == kTileRows && columns == tile_columns()) {
    multiply_tile<kStart>(a, b, inner, c, c_row, bias);
    return;
  }
  HWY_ALIGN float part[kTileRows * kMaxTileColumns] = {};
  HWY_ALIGN float part_bias[kMaxTileColumns] = {};
  if constexpr (kStart == Start::bias) std::copy_n(bias, columns, part_bias);
  if constexpr (kStart == Start::c)
    for (Index m = 0; m < rows; ++m) std::copy_n(c + m * c_row, columns, part + m * kMaxTileColumns);
  multiply_tile<kStart>(a, b, inner, part, kMaxTileColumns, part_bias);
  for (Index m = 0; m < rows; ++m) std::copy_n(part + m * kMaxTileColumns, columns, c + m * c_row);
}

// The rows of x [rows, inner] times one panel, into `columns` columns of c. after(c, rows, columns) follows each tile,
// which is in the first-level cache then.
template <Start kStart, class After>
HWY_NOINLINE void multiply_rows(const float* x, Index x_row, Index rows, const float* panel, Index inner, float* c,
                                Index c_row, Index columns, const float* bias, After&& after) {
  const Right right{panel, tile_columns(), 0};
  Index r = 0;
  for (; r + kTileRows <= rows; r += kTileRows) {
    multiply_part<kStart>({x + r * x_row, x_row, 1}, right, inner, c + r * c_row, c_row, kTileRows, columns, bias);
    after(r, kTileRows);
  }
  if (r == rows) return;
  HWY_ALIGN float last[kTileRows * kInner] = {};
  for (Index m = 0; r + m < rows; ++m) std::copy_n(x + (r + m) * x_row, inner, last + m * inner);
  multiply_part<kStart>({last, inner, 1}, right, inner, c + r * c_row, c_row, rows - r, columns, bias);
  after(r, rows - r);
}

// Panel of columns [first, first + columns) of the transpose of `weight`: some of its rows.
inline void pack_weight_rows(View<const float, 2> weight, Index first, Index columns, Index k, Index inner,
                             float* panel) {
  if (columns == tile_columns()) {
    transpose_rows(weight.row(first) + k, weight.stride(), inner, panel);
    return;
  }
  std::fill_n(panel, inner * tile_columns(), 0.0f);
  for (Index j = 0; j < columns; ++j)
    for (Index i = 0; i < inner; ++i) panel[i * tile_columns() + j] = weight.row(first + j)[k + i];
}

// Panel of columns [first, first + columns) of `x`, rows [k, k + inner).
inline void pack_columns(View<const float, 2> x, Index first, Index columns, Index k, Index inner, float* panel) {
  for (Index i = 0; i < inner; ++i, panel += tile_columns()) {
    const float* row = x.row(k + i) + first;
    if (columns == tile_columns()) {
      const Floats d;
      hn::StoreU(hn::LoadU(d, row), d, panel);
      hn::StoreU(hn::LoadU(d, row + lanes()), d, panel + lanes());
    } else {
      std::fill_n(std::copy_n(row, columns, panel), tile_columns() - columns, 0.0f);
    }
  }
}

// c = start + x b, panel after panel of b: pack(first, columns, k, inner, panel) packs one. after(r, rows, column,
// columns) follows each finished tile.
template <class Pack, class After>
inline void multiply_packed(View<const float, 2> x, View<float, 2> c, Start start, const float* bias, Pack&& pack,
                            After&& after) {
  HWY_ALIGN float panel[kInner * kMaxTileColumns];
  const Index K = x.columns(), N = c.columns();
  for (Index n = 0; n < N; n += tile_columns()) {
    const Index columns = std::min(tile_columns(), N - n);
    for (Index k = 0; k < K; k += kInner) {
      const Index inner = std::min(kInner, K - k);
      pack(n, columns, k, inner, panel);
      const auto finish = [&](Index r, Index rows) HWY_ATTR {
        if (k + inner == K) after(r, rows, n, columns);
      };
      const auto multiply_from = [&](auto from) HWY_ATTR {
        multiply_rows<from()>(x.data() + k, x.stride(), x.rows(), panel, inner, c.data() + n, c.stride(), columns,
                              bias == nullptr ? nullptr : bias + n, finish);
      };
      if (k > 0 || start == Start::c)
        multiply_from(std::integral_constant<Start, Start::c>());
      else if (start == Start::bias)
        multiply_from(std::integral_constant<Start, Start::bias>());
      else
        multiply_from(std::integral_constant<Start, Start::zero>());
    }
  }
}

// c[n,k] += sum_r g[r,n] x[r,k]: the gradient of a weight. Runs of rows are packed, g in strips of columns.
inline void add_outer_products(View<const float, 2> g, View<const float, 2> x, View<float, 2> c) {
  constexpr Index kColumns = 256;  // columns of x that are packed at once
  static_assert(kColumns % kMaxTileColumns == 0);
  HWY_ALIGN float panels[kColumns * kInnerRows];
  HWY_ALIGN float strip[kStrip * kInnerRows];
  const Index rows = g.rows(), N = g.columns(), K = x.columns();
  for (Index k = 0; k < K; k += kColumns) {
    const Index width = std::min(kColumns, K - k);
    for (Index r = 0; r < rows; r += kInnerRows) {
      const Index inner = std::min(kInnerRows, rows - r);
      for (Index j = 0; j < width; j += tile_columns())
        pack_columns(x, k + j, std::min(tile_columns(), width - j), r, inner, panels + j * kInnerRows);
      for (Index n = 0; n < N; n += kStrip) {
        const Index count = std::min(kStrip, N - n);
        for (Index i = 0; i < inner; ++i)
          std::fill_n(std::copy_n(g.row(r + i) + n, count, strip + i * kStrip), kStrip - count, 0.0f);
        for (Index j = 0; j < width; j += tile_columns())
          for (Index m = 0; m < count; m += kTileRows)
            multiply_part<Start::c>({strip + m, 1, kStrip}, {panels + j * kInnerRows, tile_columns(), 0}, inner,
                                    c.row(n + m) + k + j, c.stride(), std::min(kTileRows, count - m),
                                    std::min(tile_columns(), width - j), nullptr);
      }
    }
  }
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
