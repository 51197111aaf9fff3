#pragma once

#include "kernels/attention/cuda/operands.h"
#include "kernels/simt/simt.h"

// Tiles of scores on a multiprocessor's float units: a block takes kRows rows of the score matrix and walks over it
// kColumns columns at a time. Each warp owns kWarpRows of the rows alone, so that the softmax needs no other warp; of
// its part of a tile a lane holds rows 4 apart and columns 8 apart, and of a row of output four numbers of every 32.
namespace polonaise::kernels::attention {

template <int kHeadWidth>
struct Tile {
  static constexpr int kWidth = kHeadWidth;  // the head dimension, rounded up
  static constexpr int kWarps = 4, kThreads = 32 * kWarps;
  static constexpr int kLaneRows = kWidth <= 128 ? 4 : 2, kLaneColumns = kLaneRows;
  static constexpr int kWarpRows = 4 * kLaneRows, kRows = kWarps * kWarpRows, kColumns = 8 * kLaneColumns;
  static constexpr int kLaneOutputs = kWidth / 8;

  // Rows in shared memory begin four banks apart: eight lanes that read 16 bytes of eight rows never meet.
  static constexpr int kStride = kWidth + 4, kOutputStride = kStride, kScoreStride = kColumns + 4;
  static constexpr int kScores = kRows * kScoreStride;

  // The differences of a row and a column within a tile, and how many of them, 4 apart, a lane meets.
  static constexpr int kWindow = kRows + kColumns - 1;
  static constexpr int kLaneWindow = kLaneRows + 2 * (kLaneColumns - 1);

  using Scores = float[kLaneRows][kLaneColumns];
  using Output = float[kLaneRows][kLaneOutputs];
};

// Blocks of a tile that a multiprocessor's registers have room for. Unasked, the compiler spills a few to fit a third.
constexpr int kResident = 2;

// The shared memory, in bytes, that a block may have on compute capability 8.0, the oldest.
constexpr int kMostShared = 163 * 1024;

// The score of a key that a query must not see: its exponential is 0, and unlike infinity it never makes a NaN.
constexpr float kMasked = -1e30f;

__device__ inline int lane() {
  return static_cast<int>(threadIdx.x % 32);
}
__device__ inline int warp() {
  return static_cast<int>(threadIdx.x / 32);
}
__device__ inline int lane_row() {
  return lane() / 8;
}
__device__ inline int lane_column() {
  return lane() % 8;
}

// The work of a block: tile `tile` of `tiles` along a head's rows.
struct Work {
  int tile, last_first;  // the latter counted from the end
  Index b, n;

  __device__ Work(const AttentionShape& s, int rows) {
    const int tiles = static_cast<int>(ceil_div(s.T, rows));
    const int head = static_cast<int>(blockIdx.x) / tiles;
    tile = static_cast<int>(blockIdx.x) % tiles;
    last_first = tiles - 1 - tile;
    b = head / s.N;
    n = head % s.N;
  }
};

__device__ inline int round_up_to_4(Index n) {
  return static_cast<int>(ceil_div(n, 4)) * 4;
}

enum class Turn { forward, back };

// Element d of x turned by one row of the rotary table.
template <class T>
__device__ float turned(const T* x, const float* angles, Turn turn, int d, int columns) {
  const int half = columns / 2;
  const bool lower = d < half;
  const int i = lower ? d : d - half;
  const float sine = (turn == Turn::forward) == lower ? -angles[half + i] : angles[half + i];
  return simt::to_float(x[d]) * angles[i] + simt::to_float(x[lower ? d + half : i]) * sine;
}

// kCount neighbouring elements of x from d on, turned; of one half of the row, and aligned, as are the angles.
template <int kCount, class T>
__device__ simt::Floats<kCount> turned_chunk(const T* x, const float* angles, Turn turn, int d, int columns) {
  const int half = columns / 2;
  const bool lower = d < half;
  const int i = lower ? d : d - half;
  simt::Floats<kCount> own = simt::load_floats<kCount>(x + d);
  const simt::Floats<kCount> other = simt::load_floats<kCount>(x + (lower ? d + half : i));
  for (int begin = 0; begin < kCount; begin += 4) {
    const auto cosines = simt::load_floats<4>(angles + i + begin),
               sines = simt::load_floats<4>(angles + half + i + begin);
    for (int e = 0; e < 4; ++e) {
      const float product = other[begin + e] * sines[e];
      own[begin + e] = own[begin + e] * cosines[e] + ((turn == Turn::forward) == lower ? -product : product);
    }
  }
  return own;
}

// kCount rows of x from `first` on, turned where there are angles; zeros outside x. They are there after the next
// finish_copies().
template <class Tile, int kCount, class T>
__device__ void copy_rows(const Rows<const T>& x, const View<const float, 2>& angles, bool wide, int first, T* to) {
  constexpr int kChunk = simt::kWide<T>, kChunks = Tile::kWidth / kChunk;
  for (int i = static_cast<int>(threadIdx.x); i < kCount * kChunks; i += Tile::kThreads) {
    const int r = i / kChunks, d = i % kChunks * kChunk, row = first + r;
    T* chunk = to + r * Tile::kStride + d;
    const bool inside = row >= 0 && row < x.count && d < x.columns;
    if (wide && angles.empty()) {
      simt::copy_async<16>(chunk, inside ? x.row(row) + d : x.data, inside ? 16 : 0);
      continue;
    }
    simt::Floats<kChunk> values = {};
    if (inside && wide)
      values = turned_chunk<kChunk>(x.row(row), angles.row(row), Turn::forward, d, x.columns);
    else if (inside)
      for (int e = 0; e < kChunk && d + e < x.columns; ++e)
        values[e] = angles.empty() ? simt::to_float(x.row(row)[d + e])
                                   : turned(x.row(row), angles.row(row), Turn::forward, d + e, x.columns);
    simt::store_floats(chunk, values);
  }
}

// Waits until the copies of all threads of the block have arrived.
__device__ inline void finish_copies(simt::Here here = simt::Here::current()) {
  simt::copy_async_commit();
  simt::copy_async_wait<0>();
  simt::sync_block(here);
}

// Copies one element a row, by ordinary loads.
template <class Tile, int kCount>
__device__ void load_numbers(const float* x, int count, int first, float* to) {
  for (int i = static_cast<int>(threadIdx.x); i < kCount; i += Tile::kThreads)
    to[i] = first + i < count ? x[first + i] : 0.0f;
}

// s += rows . columns, of the warp's rows.
template <class Tile>
__device__ void add_dots(const float* rows, const float* columns, int depth, typename Tile::Scores& s) {
  rows += (warp() * Tile::kWarpRows + lane_row()) * Tile::kStride;
  columns += lane_column() * Tile::kStride;
  for (int d = 0; d < depth; d += 4) {
    simt::Vector<float, 4> x[Tile::kLaneRows];
    for (int a = 0; a < Tile::kLaneRows; ++a) x[a] = simt::load<4>(rows + 4 * a * Tile::kStride + d);
    for (int c = 0; c < Tile::kLaneColumns; ++c) {
      const auto y = simt::load<4>(columns + 8 * c * Tile::kStride + d);
      for (int a = 0; a < Tile::kLaneRows; ++a)
        for (int e = 0; e < 4; ++e) s[a][c] += x[a][e] * y[e];
    }
  }
}

// s += rows . window[row - column + kColumns - 1]
template <class Tile>
__device__ void add_skewed_dots(const float* rows, const float* window, int depth, typename Tile::Scores& s) {
  constexpr int kLast = 2 * (Tile::kLaneColumns - 1);
  const int row = warp() * Tile::kWarpRows + lane_row();
  rows += row * Tile::kStride;
  window += (row - lane_column() + Tile::kColumns - 1 - 4 * kLast) * Tile::kStride;
  for (int d = 0; d < depth; d += 4) {
    simt::Vector<float, 4> x[Tile::kLaneRows];
    for (int a = 0; a < Tile::kLaneRows; ++a) x[a] = simt::load<4>(rows + 4 * a * Tile::kStride + d);
    for (int m = 0; m < Tile::kLaneWindow; ++m) {
      const auto y = simt::load<4>(window + 4 * m * Tile::kStride + d);
      for (int c = 0; c < Tile::kLaneColumns; ++c)
        for (int a = 0; a < Tile::kLaneRows; ++a)
          if (a - 2 * c + kLast == m)
            for (int e = 0; e < 4; ++e) s[a][c] += x[a][e] * y[e];
    }
  }
}

// s += columns . window[column - row + kRows - 1]
template <class Tile>
__device__ void add_back_skewed_dots(const float* columns, const float* window, int depth, typename Tile::Scores& s) {
  constexpr int kLast = Tile::kLaneRows - 1;
  const int row = warp() * Tile::kWarpRows + lane_row();
  columns += lane_column() * Tile::kStride;
  window += (lane_column() - row + Tile::kRows - 1 - 4 * kLast) * Tile::kStride;
  for (int d = 0; d < depth; d += 4) {
    simt::Vector<float, 4> x[Tile::kLaneColumns];
    for (int c = 0; c < Tile::kLaneColumns; ++c) x[c] = simt::load<4>(columns + 8 * c * Tile::kStride + d);
    for (int m = 0; m < Tile::kLaneWindow; ++m) {
      const auto y = simt::load<4>(window + 4 * m * Tile::kStride + d);
      for (int c = 0; c < Tile::kLaneColumns; ++c)
        for (int a = 0; a < Tile::kLaneRows; ++a)
          if (2 * c - a + kLast == m)
            for (int e = 0; e < 4; ++e) s[a][c] += x[c][e] * y[e];
    }
  }
}

// Passes the warp's scores through its rows of shared memory, where all its lanes may read them. What the lanes read
// there before, they have read.
template <class Tile>
__device__ void share_scores(const typename Tile::Scores& s, float* shared) {
  shared += (warp() * Tile::kWarpRows + lane_row()) * Tile::kScoreStride + lane_column();
  __syncwarp();
  for (int a = 0; a < Tile::kLaneRows; ++a)
    for (int c = 0; c < Tile::kLaneColumns; ++c) shared[4 * a * Tile::kScoreStride + 8 * c] = s[a][c];
  __syncwarp();
}

// out[row] += sum_column scores[row][column] values[column], scores being shared.
template <class Tile>
__device__ void add_product(const float* scores, const float* values, typename Tile::Output& out) {
  scores += (warp() * Tile::kWarpRows + lane_row()) * Tile::kScoreStride;
  values += 4 * lane_column();
  for (int j = 0; j < Tile::kColumns; j += 4) {
    simt::Vector<float, 4> weight[Tile::kLaneRows];
    for (int a = 0; a < Tile::kLaneRows; ++a) weight[a] = simt::load<4>(scores + 4 * a * Tile::kScoreStride + j);
    for (int e = 0; e < 4; ++e)
      for (int i = 0; i < Tile::kLaneOutputs; i += 4) {
        const auto value = simt::load<4>(values + (j + e) * Tile::kStride + 8 * i);
        for (int a = 0; a < Tile::kLaneRows; ++a)
          for (int f = 0; f < 4; ++f) out[a][i + f] += weight[a][e] * value[f];
      }
  }
}

// out[row] += sum_column scores[row][column] window[row - column + kColumns - 1]
template <class Tile>
__device__ void add_skewed_product(const float* scores, const float* window, typename Tile::Output& out) {
  const int warp_row = warp() * Tile::kWarpRows;
  scores += (warp_row + lane_row()) * Tile::kScoreStride;
  window += warp_row * Tile::kStride + 4 * lane_column();
  for (int w = 0; w < Tile::kWarpRows + Tile::kColumns - 1; ++w) {
    float weight[Tile::kLaneRows];
    for (int a = 0; a < Tile::kLaneRows; ++a) {
      const int column = lane_row() + 4 * a + Tile::kColumns - 1 - w;
      weight[a] = column >= 0 && column < Tile::kColumns ? scores[4 * a * Tile::kScoreStride + column] : 0.0f;
    }
    for (int i = 0; i < Tile::kLaneOutputs; i += 4) {
      const auto value = simt::load<4>(window + w * Tile::kStride + 8 * i);
      for (int a = 0; a < Tile::kLaneRows; ++a)
        for (int f = 0; f < 4; ++f) out[a][i + f] += weight[a] * value[f];
    }
  }
}

// The warp's rows of output in shared memory, as store_shared() takes them; rows of `shared` that no other warp uses.
template <class Tile>
__device__ void share_output(const typename Tile::Output& out, float* shared) {
  shared += (warp() * Tile::kWarpRows + lane_row()) * Tile::kOutputStride + 4 * lane_column();
  __syncwarp();
  for (int a = 0; a < Tile::kLaneRows; ++a)
    for (int i = 0; i < Tile::kLaneOutputs; ++i)
      shared[4 * a * Tile::kOutputStride + 8 * (i / 4 * 4) + i % 4] = out[a][i];
  __syncwarp();
}

// Writes the warp's rows of `shared` to rows of x from `first` on: turned back where there are angles, scaled, and
// added to what x holds where asked. Four neighbouring numbers at a time where x is wide.
template <class Tile, class T>
__device__ void store_shared(const float* shared, const Rows<T>& x, const View<const float, 2>& angles, bool wide,
                             float scale, Accumulate accumulate, int first) {
  const int warp_row = warp() * Tile::kWarpRows;
  for (int i = lane(); i < Tile::kWarpRows * Tile::kWidth / 4; i += 32) {
    const int r = warp_row + 4 * i / Tile::kWidth, d = 4 * i % Tile::kWidth, row = first + r;
    if (row >= x.count || d >= x.columns) continue;
    const float* of_row = shared + r * Tile::kOutputStride;
    T* to = x.row(row) + d;
    if (wide) {
      auto values = angles.empty() ? simt::load_floats<4>(of_row + d)
                                   : turned_chunk<4>(of_row, angles.row(row), Turn::back, d, x.columns);
      const auto before = accumulate == Accumulate::yes ? simt::load_floats<4>(to) : simt::Floats<4>{};
      for (int e = 0; e < 4; ++e) values[e] = scale * values[e] + before[e];
      simt::store_floats(to, values);
      continue;
    }
    for (int e = 0; e < 4 && d + e < x.columns; ++e) {
      const float value =
          angles.empty() ? of_row[d + e] : turned(of_row, angles.row(row), Turn::back, d + e, x.columns);
      to[e] = simt::from_float<T>(scale * value + (accumulate == Accumulate::yes ? simt::to_float(to[e]) : 0.0f));
    }
  }
}

}  // namespace polonaise::kernels::attention
