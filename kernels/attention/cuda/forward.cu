#include <cmath>

#include "kernels/attention/attention.h"
#include "kernels/attention/cuda/launches.h"
#include "kernels/attention/cuda/tiles.cuh"

namespace polonaise::kernels {
namespace attention {
namespace {

// The largest or the sum of a row's numbers, for the eight lanes that hold them.
template <class Operation>
__device__ float reduce_row(float value) {
  for (int lanes = 1; lanes < 8; lanes *= 2)
    value = Operation()(value, simt::shuffle_xor(simt::kWholeWarp, value, lanes));
  return value;
}

// Shared memory of a block, in floats.
template <class Tile>
struct ForwardLayout {
  static constexpr int kKeys = Tile::kRows * Tile::kStride;
  static constexpr int kValues = kKeys + Tile::kColumns * Tile::kStride;
  static constexpr int kScores = kValues + Tile::kColumns * Tile::kStride;
  static constexpr int kDistances = kScores + Tile::kScores;
  static constexpr int kEnd = kDistances + Tile::kWindow * Tile::kStride;
  static_assert(sizeof(float) * kEnd <= kMostShared);

  static constexpr std::size_t bytes(bool relative) { return sizeof(float) * (relative ? kEnd : kDistances); }
};

// A block takes kRows queries of one head, the last ones first: they see most keys.
template <int kWidth>
__global__ void __launch_bounds__(Tile<kWidth>::kThreads, kResident)
    forward_queries(Problem<float> p, View<float, 3> y, View<float, 3> log_sum, bool wide) {
  using Tile = attention::Tile<kWidth>;
  using Layout = ForwardLayout<Tile>;
  float* shared = simt::dynamic_shared<float>();
  float *queries = shared, *keys = shared + Layout::kKeys, *values = shared + Layout::kValues;
  float *scores = shared + Layout::kScores, *distances = shared + Layout::kDistances;

  const Work work(p.s, Tile::kRows);
  const int T = static_cast<int>(p.s.T), depth = round_up_to_4(p.s.D);
  const int first = work.last_first * Tile::kRows, warp_first = first + warp() * Tile::kWarpRows;
  const bool relative = !p.positions.relative.empty();
  const auto& rotary = p.positions.rotary;
  copy_rows<Tile, Tile::kRows>(p.q(work.b, work.n), rotary, p.wide, first, queries);

  float maxima[Tile::kLaneRows], sums[Tile::kLaneRows];
  typename Tile::Output out = {};
  for (int a = 0; a < Tile::kLaneRows; ++a) {
    maxima[a] = kMasked;
    sums[a] = 0.0f;
  }
  for (int key = 0; key < std::min(T, first + Tile::kRows); key += Tile::kColumns) {
    __syncthreads();
    copy_rows<Tile, Tile::kColumns>(p.k(work.b, work.n), rotary, p.wide, key, keys);
    copy_rows<Tile, Tile::kColumns>(p.v(work.b, work.n), {}, p.wide, key, values);
    if (relative)
      copy_rows<Tile, Tile::kWindow>(p.relative(work.n), {}, p.wide, first - key - Tile::kColumns + 1, distances);
    finish_copies();
    if (key >= warp_first + Tile::kWarpRows) continue;

    typename Tile::Scores s = {};
    add_dots<Tile>(queries, keys, depth, s);
    if (relative) add_skewed_dots<Tile>(queries, distances, depth, s);
    for (int a = 0; a < Tile::kLaneRows; ++a) {
      const int row = warp_first + lane_row() + 4 * a;
      float top = maxima[a];
      for (int c = 0; c < Tile::kLaneColumns; ++c) {
        s[a][c] = key + lane_column() + 8 * c <= row ? s[a][c] * p.scale : kMasked;
        top = fmaxf(top, s[a][c]);
      }
      top = reduce_row<simt::Max>(top);
      const float keep = expf(maxima[a] - top);
      maxima[a] = top;
      float sum = 0.0f;
      for (int c = 0; c < Tile::kLaneColumns; ++c) sum += s[a][c] = expf(s[a][c] - top);
      sums[a] = sums[a] * keep + reduce_row<simt::Sum>(sum);
      for (float& value : out[a]) value *= keep;
    }
    share_scores<Tile>(s, scores);
    add_product<Tile>(scores, values, out);
  }

  for (int a = 0; a < Tile::kLaneRows; ++a) {
    const int row = warp_first + lane_row() + 4 * a;
    if (row < T && lane_column() == 0) log_sum.row(work.b * p.s.N + work.n)[row] = maxima[a] + logf(sums[a]);
    const float scale = 1.0f / sums[a];
    for (float& value : out[a]) value *= scale;
  }
  share_output<Tile>(out, queries);
  store_shared<Tile, float>(queries, rows_of(y, work.b, p.s.T, work.n * p.s.D, p.s.D), {}, wide, 1.0f, Accumulate::no,
                            first);
}

}  // namespace

void forward(Cuda& cuda, const Problem<float>& p, View<float, 3> y, View<float, 3> log_sum) {
  const bool wide = is_wide_output(p.s, y);
  with_width(p.s.D, [&](auto width) {
    using Tile = attention::Tile<width()>;
    launch(cuda, "attention_forward",
           {.grid = {blocks(p.s, Tile::kRows)},
            .block = {Tile::kThreads},
            .shared_bytes = ForwardLayout<Tile>::bytes(!p.positions.relative.empty())},
           forward_queries<width()>, p, y, log_sum, wide);
  });
}

}  // namespace attention

template <class T>
void attention_forward(Cuda& cuda, const AttentionForward<T>& a) {
  a.check();
  attention::require_scratch(cuda, a.shape, a.scratch);
  attention::forward(cuda, attention::problem(a.shape, a.qkv, a.positions), a.y, a.log_sum);
}

template void attention_forward<float>(Cuda&, const AttentionForward<float>&);
template void attention_forward<bf16>(Cuda&, const AttentionForward<bf16>&);

}  // namespace polonaise::kernels
