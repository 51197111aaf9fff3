#include "kernels/attention/cuda/launches.h"
#include "kernels/attention/cuda/tiles_mma.cuh"

// The gradient of relative positions on tensor cores; what rows and columns are is said in relative.cu.
namespace polonaise::kernels::attention {
namespace mma {
namespace {

// Shared memory of a block, in bytes: rows of distances, two stages of queries, of gradients of outputs and of their
// numbers, rings of keys and of values, and the skew. The output goes through it at the end.
template <class Tile>
struct RelativeLayout {
  static constexpr int kRow = sizeof(bf16) * Tile::kStride, kStage = 2 * Tile::kColumns;
  static constexpr int kStages = Tile::kRows * kRow, kNumbers = kStages + 2 * kStage * kRow;
  static constexpr int kKeys = kNumbers + sizeof(float) * 2 * kStage, kValues = kKeys + Tile::kRing * kRow;
  static constexpr int kSkew = kValues + Tile::kRing * kRow;
  static constexpr std::size_t kBytes = kSkew + sizeof(float) * Tile::kRows * Tile::kReachStride;
  static_assert(kBytes <= kMostShared);
  static_assert(kSkew >= static_cast<int>(sizeof(float)) * Tile::kRows * Tile::kOutputStride);
};

// What one slice of the batch adds to kRows distances of a head, in ascending order of rows and queries.
template <int kWidth>
__global__ void __launch_bounds__(Tile<kWidth>::kThreads, kResident)
    backward_distances(Problem<bf16> p, Gradients<bf16> g, Index slices, float* sums, bool wide) {
  using Tile = mma::Tile<kWidth>;
  using Layout = RelativeLayout<Tile>;
  unsigned char* shared = simt::dynamic_shared<unsigned char>();
  const auto part = [&](int bytes) { return reinterpret_cast<bf16*>(shared + bytes); };
  const auto queries_of = [&](int tile) { return part(Layout::kStages) + tile % 2 * Layout::kStage * Tile::kStride; };
  const auto outputs_of = [&](int tile) { return queries_of(tile) + Tile::kColumns * Tile::kStride; };
  const auto log_sums_of = [&](int tile) {
    return reinterpret_cast<float*>(shared + Layout::kNumbers) + tile % 2 * Layout::kStage;
  };
  const auto deltas_of = [&](int tile) { return log_sums_of(tile) + Tile::kColumns; };
  bf16 *distances = part(0), *keys = part(Layout::kKeys), *values = part(Layout::kValues);
  float* skew = reinterpret_cast<float*>(shared + Layout::kSkew) + warp() * Tile::kWarpRows * Tile::kReachStride;

  const Work work(p.s, Tile::kRows);  // its b is the slice
  const int T = static_cast<int>(p.s.T), first = work.tile * Tile::kRows;
  const int warp_first = first + warp() * Tile::kWarpRows, tiles = (T + Tile::kColumns - 1) / Tile::kColumns;
  copy_rows<Tile, Tile::kRows>(p.relative(work.n), {}, p.wide, first, distances);

  typename Tile::Output sum = {};
  for (Index b = work.b * p.s.B / slices; b < (work.b + 1) * p.s.B / slices; ++b) {
    const Index head = b * p.s.N + work.n;
    const auto copy_queries = [&](int tile) {
      const int query = tile * Tile::kColumns;
      copy_rows<Tile, Tile::kColumns>(p.q(b, work.n), {}, p.wide, query, queries_of(tile));
      copy_rows<Tile, Tile::kColumns>(g.output(p.s, b, work.n), {}, g.wide, query, outputs_of(tile));
      load_numbers<Tile, Tile::kColumns>(g.log_sum.row(head), T, query, log_sums_of(tile));
      load_numbers<Tile, Tile::kColumns>(g.deltas + head * p.s.T, T, query, deltas_of(tile));
    };
    const auto copy_keys = [&](int key) {
      const int at = ring_row<Tile>(key) * Tile::kStride;
      copy_rows<Tile, Tile::kColumns>(p.k(b, work.n), {}, p.wide, key, keys + at);
      copy_rows<Tile, Tile::kColumns>(p.v(b, work.n), {}, p.wide, key, values + at);
    };
    const int first_tile = first / Tile::kColumns;
    copy_queries(first_tile);
    for (int key = -Tile::kRows; key < Tile::kColumns; key += Tile::kColumns) copy_keys(key);
    finish_copies();
    const RowFragments<Tile, false> relative(distances);
    for (int tile = first_tile; tile < tiles; ++tile) {
      const int query = tile * Tile::kColumns;
      if (tile + 1 < tiles) {
        copy_queries(tile + 1);
        copy_keys(query + Tile::kColumns - first);
      }
      if (warp_first < query + Tile::kColumns) {
        const float *log_sums = log_sums_of(tile), *deltas = deltas_of(tile);
        typename Tile::Scores s = {}, dp = {};
        add_dots<Tile>(relative, queries_of(tile), s);
        add_back_skewed_dots<Tile>(queries_of(tile), keys, query - warp_first, skew, s);
        add_back_skewed_dots<Tile>(outputs_of(tile), values, query - warp_first, skew, dp);
        for_each_score<Tile>([&](int c, int i, int row, int column) {
          const bool seen = warp_first + row <= query + column;
          const float probability = seen ? simt::fast_exp(s[c][i] * p.scale - log_sums[column]) : 0.0f;
          s[c][i] = probability * (dp[c][i] - deltas[column]);
        });
        add_product<Tile>(s, queries_of(tile), sum);
      }
      finish_copies();
    }
  }
  float* output = reinterpret_cast<float*>(shared);
  const Rows<float> own{sums + (work.b * p.s.N + work.n) * p.s.T * p.s.D, p.s.D, T, static_cast<int>(p.s.D)};
  share_output<Tile>(sum, output);
  store_shared<Tile, float>(output, own, {}, wide, p.scale, Accumulate::no, first);
}

}  // namespace
}  // namespace mma

void backward_relative(Cuda& cuda, const Problem<bf16>& p, const Gradients<bf16>& g, Index slices, float* sums) {
  const bool wide = simt::is_wide(View<float, 1>(sums, {p.s.D}));
  with_width(p.s.D, [&](auto width) {
    using Tile = mma::Tile<width()>;
    launch(cuda, "attention_backward",
           {.grid = {ceil_div(p.s.T, Tile::kRows) * p.s.N * slices},
            .block = {Tile::kThreads},
            .shared_bytes = mma::RelativeLayout<Tile>::kBytes},
           mma::backward_distances<width()>, p, g, slices, sums, wide);
  });
}

}  // namespace polonaise::kernels::attention
