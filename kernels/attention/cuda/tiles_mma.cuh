#pragma once

#include "kernels/attention/cuda/tiles.cuh"

// Tiles of scores on tensor cores, for bf16. A block takes kRows rows of the score matrix, 16 a warp, and walks over it
// kColumns columns at a time, as in tiles.cuh. Accumulators stay where mma leaves them: a lane has of rows g and
// g + 8 the columns 2t and 2t + 1 of every eight (kernels/simt/mma.h), which is also how mma wants a tile of scores as
// the left factor of the next product (FlashAttention-2, Dao 2023).
namespace polonaise::kernels::attention::mma {

template <int kHeadWidth>
struct Tile {
  static constexpr int kWidth = kHeadWidth;  // the head dimension, rounded up
  static constexpr int kWarps = kWidth <= 128 ? 4 : 2, kThreads = 32 * kWarps;
  static constexpr int kWarpRows = 16, kRows = kWarps * kWarpRows, kColumns = kWidth <= 128 ? 32 : 16;
  static constexpr int kDepths = kWidth / 16;

  // Rows in shared memory begin four banks apart: ldmatrix reads eight of them at once.
  static constexpr int kStride = kWidth + 8, kOutputStride = kWidth + 4;

  // The differences of rows and columns that a warp meets in a tile lie within kReach, those of the block within
  // kRows + kColumns. They live in a ring, with room for those of the next tile.
  static constexpr int kReach = kWarpRows + kColumns, kReachStride = kReach + 4, kRing = kRows + 2 * kColumns;
  static_assert((kRing & (kRing - 1)) == 0);

  using Scores = float[kColumns / 8][4];
  using Output = float[kWidth / 8][4];
};

// The order in which ldmatrix_x4 takes four matrices that form a square, two rows of two: numbered along rows or along
// columns.
enum class Order { along_rows, along_columns };
template <Order order>
__device__ int square_row() {
  return lane() % 8 + 8 * (order == Order::along_rows ? lane() / 16 : lane() / 8 % 2);
}
template <Order order>
__device__ int square_column() {
  return 8 * (order == Order::along_rows ? lane() / 8 % 2 : lane() / 16);
}
template <class Tile, Order order>
__device__ int square_offset() {
  return square_row<order>() * Tile::kStride + square_column<order>();
}

// The warp's 16 rows as the left factor of products: held in registers, or read again for each product.
template <class Tile, bool kHeld>
class RowFragments {
 public:
  __device__ explicit RowFragments(const bf16* rows)
      : rows_(rows + warp() * Tile::kWarpRows * Tile::kStride + square_offset<Tile, Order::along_columns>()) {
    if constexpr (kHeld)
      for (int k = 0; k < Tile::kDepths; ++k) simt::ldmatrix_x4(held_[k], rows_ + 16 * k);
  }
  __device__ void get(int k, std::uint32_t (&a)[4]) const {
    if constexpr (kHeld)
      for (int i = 0; i < 4; ++i) a[i] = held_[k][i];
    else
      simt::ldmatrix_x4(a, rows_ + 16 * k);
  }

 private:
  const bf16* rows_;
  std::uint32_t held_[kHeld ? Tile::kDepths : 1][4];
};

// d[0] and d[1] += a times the left and the right half of a square of matrices.
__device__ inline void multiply_square(float (&left)[4], float (&right)[4], const std::uint32_t (&a)[4],
                                       const std::uint32_t (&square)[4]) {
  const std::uint32_t first[2] = {square[0], square[1]}, second[2] = {square[2], square[3]};
  simt::mma_m16n8k16(left, a, first);
  simt::mma_m16n8k16(right, a, second);
}

// Calls body(c, i, row, column) for the scores s[c][i] that the lane holds, with their places in the warp's tile.
template <class Tile, class Body>
__device__ void for_each_score(const Body& body) {
  for (int c = 0; c < Tile::kColumns / 8; ++c)
    for (int i = 0; i < 4; ++i) body(c, i, lane() / 4 + 8 * (i / 2), 8 * c + 2 * (lane() % 4) + i % 2);
}

// s += rows . columns
template <class Tile, bool kHeld>
__device__ void add_dots(const RowFragments<Tile, kHeld>& rows, const bf16* columns, typename Tile::Scores& s) {
  columns += square_offset<Tile, Order::along_rows>();
  for (int k = 0; k < Tile::kDepths; ++k) {
    std::uint32_t a[4], b[4];
    rows.get(k, a);
    for (int c = 0; c < Tile::kColumns; c += 16) {
      simt::ldmatrix_x4(b, columns + c * Tile::kStride + 16 * k);
      multiply_square(s[c / 8], s[c / 8 + 1], a, b);
    }
  }
}

// out[row] += sum_column s[row][column] values[column]
template <class Tile>
__device__ void add_product(const typename Tile::Scores& s, const bf16* values, typename Tile::Output& out) {
  values += square_offset<Tile, Order::along_columns>();
  for (int k = 0; k < Tile::kColumns; k += 16) {
    std::uint32_t a[4], b[4];
    for (int i = 0; i < 4; ++i) {
      const float* pair = s[k / 8 + i / 2] + 2 * (i % 2);
      a[i] = simt::pack(bf16(pair[0]), bf16(pair[1]));
    }
    for (int d = 0; d < Tile::kWidth; d += 16) {
      simt::ldmatrix_x4<true>(b, values + k * Tile::kStride + d);
      multiply_square(out[d / 8], out[d / 8 + 1], a, b);
    }
  }
}

// Returns the place of a difference in the ring.
template <class Tile>
__device__ int ring_row(int difference) {
  return difference & (Tile::kRing - 1);
}

// s += rows . ring[row - column], `difference` being that of the warp's first row and the tile's first column. `skew`
// is shared memory of kWarpRows kReachStride numbers of the warp's own, through which a row's products shift; the
// warp's lanes have met since they read it last.
template <class Tile, bool kHeld>
__device__ void add_skewed_dots(const RowFragments<Tile, kHeld>& rows, const bf16* ring, int difference, float* skew,
                                typename Tile::Scores& s) {
  const int first = difference - Tile::kColumns, g = lane() / 4, t = lane() % 4;
  float products[Tile::kReach / 8][4] = {};
  for (int k = 0; k < Tile::kDepths; ++k) {
    std::uint32_t a[4], b[4];
    rows.get(k, a);
    for (int e = 0; e < Tile::kReach; e += 16) {
      const bf16* square = ring + ring_row<Tile>(first + e) * Tile::kStride;
      simt::ldmatrix_x4(b, square + square_offset<Tile, Order::along_rows>() + 16 * k);
      multiply_square(products[e / 8], products[e / 8 + 1], a, b);
    }
  }
  for (int e = 0; e < Tile::kReach / 8; ++e)
    for (int i = 0; i < 4; ++i) skew[(g + 8 * (i / 2)) * Tile::kReachStride + 8 * e + 2 * t + i % 2] = products[e][i];
  __syncwarp();
  for_each_score<Tile>([&](int c, int i, int row, int column) {
    s[c][i] += skew[row * Tile::kReachStride + row - column + Tile::kColumns];
  });
}

// s += columns . ring[column - row], `difference` being that of the tile's first column and the warp's first row.
template <class Tile>
__device__ void add_back_skewed_dots(const bf16* columns, const bf16* ring, int difference, float* skew,
                                     typename Tile::Scores& s) {
  constexpr int kReach = 32;  // of 16 columns
  const int g = lane() / 4, t = lane() % 4;
  for (int c = 0; c < Tile::kColumns; c += 16) {
    const int first = difference + c - 16;
    float products[kReach / 8][4] = {};
    for (int k = 0; k < Tile::kWidth; k += 16) {
      std::uint32_t a[4], b[4];
      simt::ldmatrix_x4(a, columns + c * Tile::kStride + k + square_offset<Tile, Order::along_columns>());
      for (int e = 0; e < kReach; e += 16) {
        const bf16* square = ring + ring_row<Tile>(first + e) * Tile::kStride;
        simt::ldmatrix_x4(b, square + k + square_offset<Tile, Order::along_rows>());
        multiply_square(products[e / 8], products[e / 8 + 1], a, b);
      }
    }
    __syncwarp();
    for (int e = 0; e < kReach / 8; ++e)
      for (int i = 0; i < 4; ++i) skew[(g + 8 * (i / 2)) * Tile::kReachStride + 8 * e + 2 * t + i % 2] = products[e][i];
    __syncwarp();
    for (int e = 0; e < 2; ++e)
      for (int i = 0; i < 4; ++i) {
        const int row = g + 8 * (i / 2), column = 8 * e + 2 * t + i % 2;
        s[c / 8 + e][i] += skew[column * Tile::kReachStride + column - row + 16];
      }
  }
}

// out[row] += sum_column s[row][column] ring[row - column], as in add_skewed_dots().
template <class Tile>
__device__ void add_skewed_product(const typename Tile::Scores& s, const bf16* ring, int difference, float* skew,
                                   typename Tile::Output& out) {
  constexpr int kStride = Tile::kReach + 8;
  static_assert(sizeof(bf16) * kStride <= sizeof(float) * Tile::kReachStride && kStride % 16 == 8);
  bf16* weights = reinterpret_cast<bf16*>(skew);
  __syncwarp();
  for (int i = lane(); i < Tile::kWarpRows * Tile::kReach; i += 32)
    weights[i / Tile::kReach * kStride + i % Tile::kReach] = bf16(0.0f);
  __syncwarp();
  for_each_score<Tile>([&](int c, int i, int row, int column) {
    weights[row * kStride + row - column + Tile::kColumns] = bf16(s[c][i]);
  });
  __syncwarp();
  weights += square_row<Order::along_columns>() * kStride + square_column<Order::along_columns>();
  for (int e = 0; e < Tile::kReach; e += 16) {
    const bf16* square = ring + ring_row<Tile>(difference - Tile::kColumns + e) * Tile::kStride;
    std::uint32_t a[4], b[4];
    simt::ldmatrix_x4(a, weights + e);
    for (int d = 0; d < Tile::kWidth; d += 16) {
      simt::ldmatrix_x4<true>(b, square + square_offset<Tile, Order::along_columns>() + d);
      multiply_square(out[d / 8], out[d / 8 + 1], a, b);
    }
  }
}

// The warp's rows of output in shared memory, as store_shared() takes them; rows of `shared` that no other warp uses.
template <class Tile>
__device__ void share_output(const typename Tile::Output& out, float* shared) {
  shared += (warp() * Tile::kWarpRows + lane() / 4) * Tile::kOutputStride + 2 * (lane() % 4);
  __syncwarp();
  for (int n = 0; n < Tile::kWidth / 8; ++n)
    for (int i = 0; i < 4; ++i) shared[8 * (i / 2) * Tile::kOutputStride + 8 * n + i % 2] = out[n][i];
  __syncwarp();
}

// The largest or the sum of a row's numbers, for the four lanes that hold them.
template <class Operation>
__device__ float reduce_quad(float value) {
  for (int lanes = 1; lanes < 4; lanes *= 2)
    value = Operation()(value, simt::shuffle_xor(simt::kWholeWarp, value, lanes));
  return value;
}

}  // namespace polonaise::kernels::attention::mma
