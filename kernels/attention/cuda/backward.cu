#include "kernels/attention/attention.h"
#include "kernels/attention/cuda/launches.h"
#include "kernels/attention/cuda/tiles.cuh"

// Backward computes the scores again, once for the gradients of a block of queries and once for those of a block of
// keys: each number is one block's own, summed in one order.
namespace polonaise::kernels {
namespace attention {
namespace {

// A warp for each row of each head.
constexpr int kDeltaThreads = 256;
template <class T>
__global__ void output_products(AttentionShape s, View<const T, 3> y, View<const T, 3> dy, float* deltas) {
  const Index i = static_cast<Index>(blockIdx.x) * (kDeltaThreads / 32) + warp();
  if (i >= s.B * s.N * s.T) return;  // the whole warp
  const Index t = i % s.T, n = i / s.T % s.N, b = i / (s.T * s.N);
  const T *of_y = y.row(b * s.T + t) + n * s.D, *of_dy = dy.row(b * s.T + t) + n * s.D;
  float sum = 0.0f;
  for (int d = lane(); d < s.D; d += 32) sum += simt::to_float(of_y[d]) * simt::to_float(of_dy[d]);
  sum = simt::warp::sum(sum);
  if (lane() == 0) deltas[i] = sum;
}

// Shared memory of a block, in floats: rows of two matrices, columns of two, numbers of the columns.
template <class Tile>
struct BackwardLayout {
  static constexpr int kRows = Tile::kRows * Tile::kStride;
  static constexpr int kColumns = 2 * kRows, kMoreColumns = kColumns + Tile::kColumns * Tile::kStride;
  static constexpr int kScores = kMoreColumns + Tile::kColumns * Tile::kStride;
  static constexpr int kLogSums = kScores + Tile::kScores, kDeltas = kLogSums + Tile::kColumns;
  static constexpr int kDistances = kDeltas + Tile::kColumns;
  static constexpr int kEnd = kDistances + Tile::kWindow * Tile::kStride;
  static_assert(sizeof(float) * kEnd <= kMostShared);

  static constexpr std::size_t bytes(bool relative) { return sizeof(float) * (relative ? kEnd : kDistances); }
};

// dq of kRows queries: s and dp of all keys that they see.
template <int kWidth>
__global__ void __launch_bounds__(Tile<kWidth>::kThreads, kResident)
    backward_queries(Problem<float> p, Gradients<float> g) {
  using Tile = attention::Tile<kWidth>;
  using Layout = BackwardLayout<Tile>;
  float* shared = simt::dynamic_shared<float>();
  float *queries = shared, *outputs = shared + Layout::kRows, *keys = shared + Layout::kColumns;
  float *values = shared + Layout::kMoreColumns, *scores = shared + Layout::kScores;
  float* distances = shared + Layout::kDistances;

  const Work work(p.s, Tile::kRows);
  const int T = static_cast<int>(p.s.T), depth = round_up_to_4(p.s.D);
  const int first = work.last_first * Tile::kRows, warp_first = first + warp() * Tile::kWarpRows;
  const bool relative = !p.positions.relative.empty();
  const auto& rotary = p.positions.rotary;
  copy_rows<Tile, Tile::kRows>(p.q(work.b, work.n), rotary, p.wide, first, queries);
  copy_rows<Tile, Tile::kRows>(g.output(p.s, work.b, work.n), {}, g.wide, first, outputs);
  float log_sums[Tile::kLaneRows], deltas[Tile::kLaneRows];
  const Index head = work.b * p.s.N + work.n;
  for (int a = 0; a < Tile::kLaneRows; ++a) {
    const int row = std::min(warp_first + lane_row() + 4 * a, T - 1);
    log_sums[a] = g.log_sum.row(head)[row];
    deltas[a] = g.deltas[head * p.s.T + row];
  }

  typename Tile::Output dq = {};
  for (int key = 0; key < std::min(T, first + Tile::kRows); key += Tile::kColumns) {
    __syncthreads();
    copy_rows<Tile, Tile::kColumns>(p.k(work.b, work.n), rotary, p.wide, key, keys);
    copy_rows<Tile, Tile::kColumns>(p.v(work.b, work.n), {}, p.wide, key, values);
    if (relative)
      copy_rows<Tile, Tile::kWindow>(p.relative(work.n), {}, p.wide, first - key - Tile::kColumns + 1, distances);
    finish_copies();
    if (key >= warp_first + Tile::kWarpRows) continue;

    typename Tile::Scores s = {}, dp = {};
    add_dots<Tile>(queries, keys, depth, s);
    if (relative) add_skewed_dots<Tile>(queries, distances, depth, s);
    add_dots<Tile>(outputs, values, depth, dp);
    for (int a = 0; a < Tile::kLaneRows; ++a)
      for (int c = 0; c < Tile::kLaneColumns; ++c) {
        const bool seen = key + lane_column() + 8 * c <= warp_first + lane_row() + 4 * a;
        s[a][c] = seen ? expf(s[a][c] * p.scale - log_sums[a]) * (dp[a][c] - deltas[a]) : 0.0f;
      }
    share_scores<Tile>(s, scores);
    add_product<Tile>(scores, keys, dq);
    if (relative) add_skewed_product<Tile>(scores, distances, dq);
  }
  share_output<Tile>(dq, queries);
  store_shared<Tile, float>(queries, g.part(p.s, 0, work.b, work.n), rotary, g.wide_dqkv, p.scale, g.accumulate, first);
}

// dk and dv of kRows keys: s and dp of all queries that see them.
template <int kWidth>
__global__ void __launch_bounds__(Tile<kWidth>::kThreads, kResident)
    backward_keys(Problem<float> p, Gradients<float> g) {
  using Tile = attention::Tile<kWidth>;
  using Layout = BackwardLayout<Tile>;
  float* shared = simt::dynamic_shared<float>();
  float *keys = shared, *values = shared + Layout::kRows, *queries = shared + Layout::kColumns;
  float *outputs = shared + Layout::kMoreColumns, *scores = shared + Layout::kScores;
  float *log_sums = shared + Layout::kLogSums, *deltas = shared + Layout::kDeltas;
  float* distances = shared + Layout::kDistances;

  const Work work(p.s, Tile::kRows);
  const int T = static_cast<int>(p.s.T), depth = round_up_to_4(p.s.D);
  const int first = work.tile * Tile::kRows, warp_first = first + warp() * Tile::kWarpRows;
  const bool relative = !p.positions.relative.empty();
  const auto& rotary = p.positions.rotary;
  const Index head = work.b * p.s.N + work.n;
  copy_rows<Tile, Tile::kRows>(p.k(work.b, work.n), rotary, p.wide, first, keys);
  copy_rows<Tile, Tile::kRows>(p.v(work.b, work.n), {}, p.wide, first, values);

  typename Tile::Output dk = {}, dv = {};
  for (int query = first; query < T; query += Tile::kColumns) {
    __syncthreads();
    copy_rows<Tile, Tile::kColumns>(p.q(work.b, work.n), rotary, p.wide, query, queries);
    copy_rows<Tile, Tile::kColumns>(g.output(p.s, work.b, work.n), {}, g.wide, query, outputs);
    load_numbers<Tile, Tile::kColumns>(g.log_sum.row(head), T, query, log_sums);
    load_numbers<Tile, Tile::kColumns>(g.deltas + head * p.s.T, T, query, deltas);
    if (relative)
      copy_rows<Tile, Tile::kWindow>(p.relative(work.n), {}, p.wide, query - first - Tile::kRows + 1, distances);
    finish_copies();
    if (warp_first >= query + Tile::kColumns) continue;

    typename Tile::Scores s = {}, dp = {};
    add_dots<Tile>(keys, queries, depth, s);
    if (relative) add_back_skewed_dots<Tile>(queries, distances, depth, s);
    add_dots<Tile>(values, outputs, depth, dp);
    for (int a = 0; a < Tile::kLaneRows; ++a)
      for (int c = 0; c < Tile::kLaneColumns; ++c) {
        const int column = lane_column() + 8 * c;
        const bool seen = warp_first + lane_row() + 4 * a <= query + column && query + column < T;
        s[a][c] = seen ? expf(s[a][c] * p.scale - log_sums[column]) : 0.0f;
        dp[a][c] = s[a][c] * (dp[a][c] - deltas[column]);
      }
    share_scores<Tile>(s, scores);
    add_product<Tile>(scores, outputs, dv);
    share_scores<Tile>(dp, scores);
    add_product<Tile>(scores, queries, dk);
  }
  share_output<Tile>(dk, keys);
  store_shared<Tile, float>(keys, g.part(p.s, 1, work.b, work.n), rotary, g.wide_dqkv, p.scale, g.accumulate, first);
  share_output<Tile>(dv, values);
  store_shared<Tile, float>(values, g.part(p.s, 2, work.b, work.n), {}, g.wide_dqkv, 1.0f, g.accumulate, first);
}

}  // namespace

void backward(Cuda& cuda, const Problem<float>& p, const Gradients<float>& g) {
  with_width(p.s.D, [&](auto width) {
    using Tile = attention::Tile<width()>;
    const Launch shape{.grid = {blocks(p.s, Tile::kRows)},
                       .block = {Tile::kThreads},
                       .shared_bytes = BackwardLayout<Tile>::bytes(!p.positions.relative.empty())};
    launch(cuda, "attention_backward", shape, backward_queries<width()>, p, g);
    launch(cuda, "attention_backward", shape, backward_keys<width()>, p, g);
  });
}

}  // namespace attention

Index attention_scratch_size(const Cuda&, const AttentionShape& s) {
  return attention::Scratch(s).size;
}

template <class T>
void attention_backward(Cuda& cuda, const AttentionBackward<T>& a) {
  using namespace attention;
  a.check();
  const AttentionShape& s = a.shape;
  require_scratch(cuda, s, a.scratch);
  if (s.B == 0) return;
  const Problem<T> p = problem(s, a.qkv, a.positions);
  const Gradients<T> g{.dy = a.dy,
                       .log_sum = a.log_sum,
                       .deltas = a.scratch.data(),
                       .dqkv = a.dqkv,
                       .accumulate = a.accumulate,
                       .wide = is_wide_output(s, a.dy),
                       .wide_dqkv = p.wide && simt::is_wide(a.dqkv)};
  launch(cuda, "attention_backward",
         {.grid = {ceil_div(s.B * s.N * s.T, kDeltaThreads / 32)}, .block = {kDeltaThreads}}, output_products<T>, s,
         a.y, a.dy, a.scratch.data());
  backward(cuda, p, g);
  if (a.drelative.empty()) return;
  const Index slices = relative_slices(s);
  float* sums = a.scratch.data() + Scratch(s).relative;
  backward_relative(cuda, p, g, slices, sums);
  add_relative_gradient(cuda, s, slices, sums, a.drelative);
}

template void attention_backward<float>(Cuda&, const AttentionBackward<float>&);
template void attention_backward<bf16>(Cuda&, const AttentionBackward<bf16>&);

}  // namespace polonaise::kernels
