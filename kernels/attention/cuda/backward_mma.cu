#include "kernels/attention/cuda/launches.h"
#include "kernels/attention/cuda/tiles_mma.cuh"

namespace polonaise::kernels::attention {
namespace mma {
namespace {

// Shared memory of a block, in bytes: rows of two matrices, two stages of columns of two and of numbers of the columns,
// the ring of distances and the skew. The output goes through it at the end.
template <class Tile>
struct BackwardLayout {
  static constexpr int kRow = sizeof(bf16) * Tile::kStride, kStage = 2 * Tile::kColumns;
  static constexpr int kMoreRows = Tile::kRows * kRow, kStages = 2 * kMoreRows;
  static constexpr int kNumbers = kStages + 2 * kStage * kRow;
  static constexpr int kRing = kNumbers + sizeof(float) * 2 * kStage;
  static constexpr int kSkew = kRing + Tile::kRing * kRow;
  static constexpr int kEnd = kSkew + sizeof(float) * Tile::kRows * Tile::kReachStride;
  static_assert(kRing >= static_cast<int>(sizeof(float)) * Tile::kRows * Tile::kOutputStride);
  static_assert(kEnd <= kMostShared);

  static constexpr std::size_t bytes(bool relative) { return relative ? kEnd : kRing; }
};

// Where the parts of a block's shared memory are.
template <class Tile>
struct BackwardShared {
  using Layout = BackwardLayout<Tile>;
  unsigned char* bytes = simt::dynamic_shared<unsigned char>();

  __device__ bf16* rows() const { return reinterpret_cast<bf16*>(bytes); }
  __device__ bf16* more_rows() const { return reinterpret_cast<bf16*>(bytes + Layout::kMoreRows); }
  __device__ bf16* columns(int tile) const {
    return reinterpret_cast<bf16*>(bytes + Layout::kStages) + tile % 2 * Layout::kStage * Tile::kStride;
  }
  __device__ bf16* more_columns(int tile) const { return columns(tile) + Tile::kColumns * Tile::kStride; }
  __device__ float* numbers(int tile) const {
    return reinterpret_cast<float*>(bytes + Layout::kNumbers) + tile % 2 * Layout::kStage;
  }
  __device__ float* more_numbers(int tile) const { return numbers(tile) + Tile::kColumns; }
  __device__ bf16* ring() const { return reinterpret_cast<bf16*>(bytes + Layout::kRing); }
  __device__ bf16* ring(int difference) const { return ring() + ring_row<Tile>(difference) * Tile::kStride; }
  __device__ float* skew() const {
    return reinterpret_cast<float*>(bytes + Layout::kSkew) + warp() * Tile::kWarpRows * Tile::kReachStride;
  }
  __device__ float* output() const { return reinterpret_cast<float*>(bytes); }
};

// dq of kRows queries: s and dp of all keys that they see.
template <int kWidth>
__global__ void __launch_bounds__(Tile<kWidth>::kThreads, kResident)
    backward_queries(Problem<bf16> p, Gradients<bf16> g) {
  using Tile = mma::Tile<kWidth>;
  const BackwardShared<Tile> shared;
  const Work work(p.s, Tile::kRows);
  const int T = static_cast<int>(p.s.T), first = work.last_first * Tile::kRows;
  const int warp_first = first + warp() * Tile::kWarpRows,
            tiles = (std::min(T, first + Tile::kRows) + Tile::kColumns - 1) / Tile::kColumns;
  const bool relative = !p.positions.relative.empty();
  const auto copy_keys = [&](int tile) {
    const int key = tile * Tile::kColumns;
    copy_rows<Tile, Tile::kColumns>(p.k(work.b, work.n), p.positions.rotary, p.wide, key, shared.columns(tile));
    copy_rows<Tile, Tile::kColumns>(p.v(work.b, work.n), {}, p.wide, key, shared.more_columns(tile));
  };
  const auto copy_distances = [&](int distance) {
    copy_rows<Tile, Tile::kColumns>(p.relative(work.n), {}, p.wide, distance, shared.ring(distance));
  };
  copy_rows<Tile, Tile::kRows>(p.q(work.b, work.n), p.positions.rotary, p.wide, first, shared.rows());
  copy_rows<Tile, Tile::kRows>(g.output(p.s, work.b, work.n), {}, g.wide, first, shared.more_rows());
  copy_keys(0);
  if (relative)
    for (int d = -Tile::kColumns; d < Tile::kRows; d += Tile::kColumns) copy_distances(first + d);
  float log_sums[2], deltas[2];
  const Index head = work.b * p.s.N + work.n;
  for (int half = 0; half < 2; ++half) {
    const int row = std::min(warp_first + lane() / 4 + 8 * half, T - 1);
    log_sums[half] = g.log_sum.row(head)[row];
    deltas[half] = g.deltas[head * p.s.T + row];
  }
  finish_copies();
  const RowFragments<Tile, kWidth <= 128> q(shared.rows()), dy(shared.more_rows());

  typename Tile::Output dq = {};
  for (int tile = 0; tile < tiles; ++tile) {
    const int key = tile * Tile::kColumns;
    if (tile + 1 < tiles) {
      copy_keys(tile + 1);
      if (relative) copy_distances(first - key - 2 * Tile::kColumns);
    }
    if (key < warp_first + Tile::kWarpRows) {
      typename Tile::Scores s = {}, dp = {};
      add_dots<Tile>(q, shared.columns(tile), s);
      if (relative) add_skewed_dots<Tile>(q, shared.ring(), warp_first - key, shared.skew(), s);
      add_dots<Tile>(dy, shared.more_columns(tile), dp);
      for_each_score<Tile>([&](int c, int i, int row, int column) {
        const bool seen = key + column <= warp_first + row;
        const float probability = seen ? simt::fast_exp(s[c][i] * p.scale - log_sums[i / 2]) : 0.0f;
        s[c][i] = probability * (dp[c][i] - deltas[i / 2]);
      });
      add_product<Tile>(s, shared.columns(tile), dq);
      if (relative) add_skewed_product<Tile>(s, shared.ring(), warp_first - key, shared.skew(), dq);
    }
    finish_copies();
  }
  share_output<Tile>(dq, shared.output());
  store_shared<Tile, bf16>(shared.output(), g.part(p.s, 0, work.b, work.n), p.positions.rotary, g.wide_dqkv, p.scale,
                           g.accumulate, first);
}

enum class Keys { dk, dv, both };  // which gradients a launch computes

// dk and dv of kRows keys: s and dp of all queries that see them.
template <int kWidth, Keys kKeys>
__global__ void __launch_bounds__(Tile<kWidth>::kThreads, kResident) backward_keys(Problem<bf16> p, Gradients<bf16> g) {
  using Tile = mma::Tile<kWidth>;
  constexpr bool kDk = kKeys != Keys::dv, kDv = kKeys != Keys::dk;
  const BackwardShared<Tile> shared;
  const Work work(p.s, Tile::kRows);
  const int T = static_cast<int>(p.s.T), first = work.tile * Tile::kRows;
  const int warp_first = first + warp() * Tile::kWarpRows, tiles = (T + Tile::kColumns - 1) / Tile::kColumns;
  const bool relative = !p.positions.relative.empty();
  const auto& rotary = p.positions.rotary;
  const Index head = work.b * p.s.N + work.n;
  const auto copy_queries = [&](int tile) {
    const int query = tile * Tile::kColumns;
    copy_rows<Tile, Tile::kColumns>(p.q(work.b, work.n), rotary, p.wide, query, shared.columns(tile));
    copy_rows<Tile, Tile::kColumns>(g.output(p.s, work.b, work.n), {}, g.wide, query, shared.more_columns(tile));
    load_numbers<Tile, Tile::kColumns>(g.log_sum.row(head), T, query, shared.numbers(tile));
    load_numbers<Tile, Tile::kColumns>(g.deltas + head * p.s.T, T, query, shared.more_numbers(tile));
  };
  const auto copy_distances = [&](int distance) {
    copy_rows<Tile, Tile::kColumns>(p.relative(work.n), {}, p.wide, distance, shared.ring(distance));
  };
  const int first_tile = first / Tile::kColumns;
  copy_rows<Tile, Tile::kRows>(p.k(work.b, work.n), rotary, p.wide, first, shared.rows());
  copy_rows<Tile, Tile::kRows>(p.v(work.b, work.n), {}, p.wide, first, shared.more_rows());
  copy_queries(first_tile);
  if (relative)
    for (int d = -Tile::kRows; d < Tile::kColumns; d += Tile::kColumns) copy_distances(d);
  finish_copies();
  const RowFragments<Tile, kWidth <= 64> k(shared.rows()), v(shared.more_rows());

  typename Tile::Output dk = {}, dv = {};
  for (int tile = first_tile; tile < tiles; ++tile) {
    const int query = tile * Tile::kColumns;
    if (tile + 1 < tiles) {
      copy_queries(tile + 1);
      if (relative) copy_distances(query + Tile::kColumns - first);
    }
    if (warp_first < query + Tile::kColumns) {
      const float *log_sums = shared.numbers(tile), *deltas = shared.more_numbers(tile);
      typename Tile::Scores s = {}, dp = {};
      add_dots<Tile>(k, shared.columns(tile), s);
      if (relative)
        add_back_skewed_dots<Tile>(shared.columns(tile), shared.ring(), query - warp_first, shared.skew(), s);
      for_each_score<Tile>([&](int c, int i, int row, int column) {
        const bool seen = warp_first + row <= query + column;
        s[c][i] = seen ? simt::fast_exp(s[c][i] * p.scale - log_sums[column]) : 0.0f;
      });
      if constexpr (kDv) add_product<Tile>(s, shared.more_columns(tile), dv);
      if constexpr (kDk) {
        add_dots<Tile>(v, shared.more_columns(tile), dp);
        for_each_score<Tile>([&](int c, int i, int, int column) { s[c][i] *= dp[c][i] - deltas[column]; });
        add_product<Tile>(s, shared.columns(tile), dk);
      }
    }
    finish_copies();
  }
  if constexpr (kDk) {
    share_output<Tile>(dk, shared.output());
    store_shared<Tile, bf16>(shared.output(), g.part(p.s, 1, work.b, work.n), rotary, g.wide_dqkv, p.scale,
                             g.accumulate, first);
  }
  if constexpr (kDv) {
    share_output<Tile>(dv, shared.output());
    store_shared<Tile, bf16>(shared.output(), g.part(p.s, 2, work.b, work.n), {}, g.wide_dqkv, 1.0f, g.accumulate,
                             first);
  }
}

}  // namespace
}  // namespace mma

void backward(Cuda& cuda, const Problem<bf16>& p, const Gradients<bf16>& g) {
  with_width(p.s.D, [&](auto width) {
    using Tile = mma::Tile<width()>;
    using mma::Keys;
    const Launch shape{.grid = {blocks(p.s, Tile::kRows)},
                       .block = {Tile::kThreads},
                       .shared_bytes = mma::BackwardLayout<Tile>::bytes(!p.positions.relative.empty())};
    const auto keys = [&](auto kernel) { launch(cuda, "attention_backward", shape, kernel, p, g); };
    launch(cuda, "attention_backward", shape, mma::backward_queries<width()>, p, g);
    if constexpr (width() <= 128) {
      keys(mma::backward_keys<width(), Keys::both>);
    } else {  // registers hold one of them
      keys(mma::backward_keys<width(), Keys::dk>);
      keys(mma::backward_keys<width(), Keys::dv>);
    }
  });
}

}  // namespace polonaise::kernels::attention
