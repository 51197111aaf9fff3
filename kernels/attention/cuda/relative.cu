#include "kernels/attention/cuda/launches.h"
#include "kernels/attention/cuda/tiles.cuh"

// The gradient of relative positions. The scores of one distance lie on a diagonal; here rows of a tile are distances
// and columns queries, so that q . relative is the straight product and q . k the skewed one.
namespace polonaise::kernels::attention {
namespace {

// Shared memory of a block, in floats. Keys and values take the window in turn.
template <class Tile>
struct RelativeLayout {
  static constexpr int kQueries = Tile::kRows * Tile::kStride;
  static constexpr int kOutputs = kQueries + Tile::kColumns * Tile::kStride;
  static constexpr int kScores = kOutputs + Tile::kColumns * Tile::kStride;
  static constexpr int kLogSums = kScores + Tile::kScores, kDeltas = kLogSums + Tile::kColumns;
  static constexpr int kWindow = kDeltas + Tile::kColumns;
  static constexpr std::size_t kBytes = sizeof(float) * (kWindow + Tile::kWindow * Tile::kStride);
  static_assert(kBytes <= kMostShared);
};

// What one slice of the batch adds to kRows distances of a head, in ascending order of rows and queries.
template <int kWidth>
__global__ void __launch_bounds__(Tile<kWidth>::kThreads, kResident)
    backward_distances(Problem<float> p, Gradients<float> g, Index slices, float* sums, bool wide) {
  using Tile = attention::Tile<kWidth>;
  using Layout = RelativeLayout<Tile>;
  float* shared = simt::dynamic_shared<float>();
  float *distances = shared, *queries = shared + Layout::kQueries, *outputs = shared + Layout::kOutputs;
  float *scores = shared + Layout::kScores, *log_sums = shared + Layout::kLogSums;
  float *deltas = shared + Layout::kDeltas, *window = shared + Layout::kWindow;

  const Work work(p.s, Tile::kRows);  // its b is the slice
  const int T = static_cast<int>(p.s.T), depth = round_up_to_4(p.s.D);
  const int first = work.tile * Tile::kRows, warp_first = first + warp() * Tile::kWarpRows;
  copy_rows<Tile, Tile::kRows>(p.relative(work.n), {}, p.wide, first, distances);

  typename Tile::Output sum = {};
  for (Index b = work.b * p.s.B / slices; b < (work.b + 1) * p.s.B / slices; ++b)
    for (int query = first; query < T; query += Tile::kColumns) {
      const Index head = b * p.s.N + work.n;
      const int key = query - first - Tile::kRows + 1;  // the window's first
      __syncthreads();
      copy_rows<Tile, Tile::kColumns>(p.q(b, work.n), {}, p.wide, query, queries);
      copy_rows<Tile, Tile::kColumns>(g.output(p.s, b, work.n), {}, g.wide, query, outputs);
      copy_rows<Tile, Tile::kWindow>(p.k(b, work.n), {}, p.wide, key, window);
      load_numbers<Tile, Tile::kColumns>(g.log_sum.row(head), T, query, log_sums);
      load_numbers<Tile, Tile::kColumns>(g.deltas + head * p.s.T, T, query, deltas);
      finish_copies();
      typename Tile::Scores s = {}, dp = {};
      add_dots<Tile>(distances, queries, depth, s);
      add_back_skewed_dots<Tile>(queries, window, depth, s);
      __syncthreads();
      copy_rows<Tile, Tile::kWindow>(p.v(b, work.n), {}, p.wide, key, window);
      finish_copies();
      add_back_skewed_dots<Tile>(outputs, window, depth, dp);
      for (int a = 0; a < Tile::kLaneRows; ++a)
        for (int c = 0; c < Tile::kLaneColumns; ++c) {
          const int column = lane_column() + 8 * c;
          const bool seen = warp_first + lane_row() + 4 * a <= query + column && query + column < T;
          s[a][c] = seen ? expf(s[a][c] * p.scale - log_sums[column]) * (dp[a][c] - deltas[column]) : 0.0f;
        }
      share_scores<Tile>(s, scores);
      add_product<Tile>(scores, queries, sum);
    }
  const Rows<float> own{sums + (work.b * p.s.N + work.n) * p.s.T * p.s.D, p.s.D, T, static_cast<int>(p.s.D)};
  share_output<Tile>(sum, distances);
  store_shared<Tile, float>(distances, own, {}, wide, p.scale, Accumulate::no, first);
}

constexpr int kSumThreads = 256;
__global__ void add_slices(AttentionShape s, Index slices, const float* sums, View<float, 3> drelative) {
  const Index i = static_cast<Index>(blockIdx.x) * kSumThreads + threadIdx.x, size = s.N * s.T * s.D;
  if (i >= size) return;
  float sum = 0.0f;
  for (Index slice = 0; slice < slices; ++slice) sum += sums[slice * size + i];
  drelative.row(i / (s.T * s.D) * drelative.extent(1) + i / s.D % s.T)[i % s.D] += sum;
}

}  // namespace

void backward_relative(Cuda& cuda, const Problem<float>& p, const Gradients<float>& g, Index slices, float* sums) {
  const bool wide = simt::is_wide(View<float, 1>(sums, {p.s.D}));
  with_width(p.s.D, [&](auto width) {
    using Tile = attention::Tile<width()>;
    launch(cuda, "attention_backward",
           {.grid = {ceil_div(p.s.T, Tile::kRows) * p.s.N * slices},
            .block = {Tile::kThreads},
            .shared_bytes = RelativeLayout<Tile>::kBytes},
           backward_distances<width()>, p, g, slices, sums, wide);
  });
}

void add_relative_gradient(Cuda& cuda, const AttentionShape& s, Index slices, const float* sums,
                           View<float, 3> drelative) {
  launch(cuda, "attention_backward", {.grid = {ceil_div(s.N * s.T * s.D, kSumThreads)}, .block = {kSumThreads}},
         add_slices, s, slices, sums, drelative);
}

}  // namespace polonaise::kernels::attention
