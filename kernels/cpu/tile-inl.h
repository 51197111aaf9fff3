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

inline Index round_up(Index n, Index multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// The left operand of a product where it lies: element (m, k) is data[m * row + k * inner]. So a matrix, its transpose
// (row 1) and its skewed diagonals (row = stride + 1) need no copy.
struct Left {
  const float* data;
  Index row, inner;
};
// The right operand: row k is the tile_columns() numbers from data + k * row.
struct Right {
  const float* data;
  Index row;
};

// c[m,n] (+)= sum_k a(m,k) b(k,n) over one tile, k in [0, inner) ascending.
template <Accumulate kAccumulate>
HWY_INLINE void multiply_tile(Left a, Right b, Index inner, float* HWY_RESTRICT c, Index c_row) {
  const Floats d;
  const Index n = lanes();
  const auto start = [&](Index row, Index column) HWY_ATTR {
    return kAccumulate == Accumulate::yes ? hn::LoadU(d, c + row * c_row + column) : hn::Zero(d);
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

// The same over `width` columns, a multiple of tile_columns(): b's rows and c's are that wide.
template <Accumulate kAccumulate>
HWY_INLINE void multiply_tiles(Left a, Right b, Index inner, float* c, Index c_row, Index width) {
  for (Index column = 0; column < width; column += tile_columns())
    multiply_tile<kAccumulate>(a, {b.data + column, b.row}, inner, c + column, c_row);
}

// Panels: the transpose of a matrix [rows, D] as right operands, tile_columns() of its rows side by side and zeros
// behind the last. Panel p starts at p * D * tile_columns().
inline Index panels_size(Index rows, Index D) {
  return round_up(rows, tile_columns()) * D;
}
inline Right panel(const float* panels, Index p, Index D) {
  return {panels + p * D * tile_columns(), tile_columns()};
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
