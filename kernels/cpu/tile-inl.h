// Small matrix products out of registers, and the packing of their operands, for kernels that fuse products with other
// work (attention). Included after <hwy/highway.h>, once per target, hence the toggled guard.
#if defined(POLONAISE_KERNELS_CPU_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLONAISE_KERNELS_CPU_TILE_INL_H_
#undef POLONAISE_KERNELS_CPU_TILE_INL_H_
#else
#define POLONAISE_KERNELS_CPU_TILE_INL_H_
#endif

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

// A tile of c is 6 rows of two vectors: 12 sums, the two vectors of b and one number of a fill 15 of 16 registers, and
// each row of b that is loaded feeds 12 multiply-adds.
constexpr Index kTileRows = 6;
inline Index tile_columns() {
  return 2 * lanes();
}

inline Index tiles_of(Index columns) {
  return (columns + tile_columns() - 1) / tile_columns();
}

inline Index round_up(Index n, Index multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// The left operand of a product where it lies: element (m, k) is data[m * row + k * inner]. So a matrix, its transpose
// (row 1) and its skewed diagonals (row = stride + 1) need no copy.
struct Left {
  const float* data;
  Index row, inner;
};
// The right operand, in tiles of tile_columns() columns: row k of tile t starts at data + t * tile + k * row.
struct Right {
  const float* data;
  Index row, tile;
};

// The initial value of a tile's sums: zeros, the elements of c, or one row for all (a bias).
enum class Start { zero, c, bias };

// c[m,n] = start + sum_k a(m,k) b(k,n) over one tile of b, k in [0, inner) ascending. `bias` is read with Start::bias.
template <Start kStart>
HWY_INLINE void multiply_tile(Left a, Right b, Index inner, float* HWY_RESTRICT c, Index c_row,
                              const float* bias = nullptr) {
  const Floats d;
  const Index n = lanes();
  const auto start = [&](Index row, Index column) HWY_ATTR {
    if constexpr (kStart == Start::zero) return hn::Zero(d);
    return hn::LoadU(d, kStart == Start::c ? c + row * c_row + column : bias + column);
  };
  Vec c00 = start(0, 0), c01 = start(0, n), c10 = start(1, 0), c11 = start(1, n);
  Vec c20 = start(2, 0), c21 = start(2, n), c30 = start(3, 0), c31 = start(3, n);
  Vec c40 = start(4, 0), c41 = start(4, n), c50 = start(5, 0), c51 = start(5, n);
  const float* HWY_RESTRICT left = a.data;
  const float* HWY_RESTRICT right = b.data;
  for (Index k = 0; k < inner; ++k) {
    const Vec b0 = hn::LoadU(d, right), b1 = hn::LoadU(d, right + n);
    Vec x = hn::Set(d, left[0]);
    c00 = hn::MulAdd(x, b0, c00);
    c01 = hn::MulAdd(x, b1, c01);
    x = hn::Set(d, left[a.row]);
    c10 = hn::MulAdd(x, b0, c10);
    c11 = hn::MulAdd(x, b1, c11);
    x = hn::Set(d, left[2 * a.row]);
    c20 = hn::MulAdd(x, b0, c20);
    c21 = hn::MulAdd(x, b1, c21);
    x = hn::Set(d, left[3 * a.row]);
    c30 = hn::MulAdd(x, b0, c30);
    c31 = hn::MulAdd(x, b1, c31);
    x = hn::Set(d, left[4 * a.row]);
    c40 = hn::MulAdd(x, b0, c40);
    c41 = hn::MulAdd(x, b1, c41);
    x = hn::Set(d, left[5 * a.row]);
    c50 = hn::MulAdd(x, b0, c50);
    c51 = hn::MulAdd(x, b1, c51);
    left += a.inner;
    right += b.row;
  }
  const auto finish = [&](Index row, Vec v0, Vec v1) HWY_ATTR {
    hn::StoreU(v0, d, c + row * c_row);
    hn::StoreU(v1, d, c + row * c_row + n);
  };
  finish(0, c00, c01);
  finish(1, c10, c11);
  finish(2, c20, c21);
  finish(3, c30, c31);
  finish(4, c40, c41);
  finish(5, c50, c51);
}

// Multiplies the first `tiles` tiles of b. Not inline: a copy at every use takes minutes to compile under sanitizers.
template <Accumulate kAccumulate>
HWY_NOINLINE void multiply(Left a, Right b, Index inner, float* c, Index c_row, Index tiles) {
  constexpr Start kStart = kAccumulate == Accumulate::yes ? Start::c : Start::zero;
  for (Index t = 0; t < tiles; ++t, b.data += b.tile) multiply_tile<kStart>(a, b, inner, c + t * tile_columns(), c_row);
}

// Returns rows of `width` elements, a multiple of tile_columns(), as a right operand.
inline Right rows_of(const float* matrix, Index width) {
  return {matrix, width, tile_columns()};
}

// Panels: the transpose of a matrix [rows, D] as right operands, tile_columns() of its rows side by side and zeros
// behind the last. Panel p starts at p * D * tile_columns().
inline Index panels_size(Index rows, Index D) {
  return round_up(rows, tile_columns()) * D;
}
inline Right panels_from(const float* panels, Index p, Index D) {
  return {panels + p * D * tile_columns(), tile_columns(), D * tile_columns()};
}

// Packs one panel: tile_columns() rows of D elements, `stride` apart, transposed.
inline void transpose_rows(const float* rows, Index stride, Index D, float* HWY_RESTRICT panel) {
  const Index columns = tile_columns();
  Index i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<float, 4> d;
  const hn::Repartition<double, decltype(d)> pairs;
  for (; i + 4 <= D; i += 4)
    for (Index j = 0; j < columns; j += 4) {  // 4 by 4
      const float* from = rows + j * stride + i;
      const auto a = hn::LoadU(d, from), b = hn::LoadU(d, from + stride);
      const auto c = hn::LoadU(d, from + 2 * stride), e = hn::LoadU(d, from + 3 * stride);
      const auto ab_lower = hn::BitCast(pairs, hn::InterleaveLower(d, a, b));
      const auto ab_upper = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b));
      const auto ce_lower = hn::BitCast(pairs, hn::InterleaveLower(d, c, e));
      const auto ce_upper = hn::BitCast(pairs, hn::InterleaveUpper(d, c, e));
      float* to = panel + i * columns + j;
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, ab_lower, ce_lower)), d, to);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, ab_lower, ce_lower)), d, to + columns);
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, ab_upper, ce_upper)), d, to + 2 * columns);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, ab_upper, ce_upper)), d, to + 3 * columns);
    }
#endif
  for (; i < D; ++i)
    for (Index j = 0; j < columns; ++j) panel[i * columns + j] = rows[j * stride + i];
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
