#include "kernels/attention/cuda/launches.h"
#include "kernels/attention/cuda/tiles_mma.cuh"

namespace polonaise::kernels::attention {
namespace mma {
namespace {

// Shared memory of a block, in bytes: queries, two stages of keys and of values, the ring of distances and the skew.
// The output goes through it at the end.
template <class Tile>
struct ForwardLayout {
  static constexpr int kRow = sizeof(bf16) * Tile::kStride, kStage = 2 * Tile::kColumns;
  static constexpr int kStages = Tile::kRows * kRow;
  static constexpr int kRing = kStages + 2 * kStage * kRow;
  static constexpr int kSkew = kRing + Tile::kRing * kRow;
  static constexpr int kEnd = kSkew + sizeof(float) * Tile::kRows * Tile::kReachStride;
  static_assert(kRing >= static_cast<int>(sizeof(float)) * Tile::kRows * Tile::kOutputStride);
  static_assert(kEnd <= kMostShared);

  static constexpr std::size_t bytes(bool relative) { return relative ? kEnd : kRing; }
};

// Turns scores, scaled, into exponentials under the running maximum of their rows; sums and output so far shrink to it.
template <class Tile>
__device__ void softmax(typename Tile::Scores& s, float scale, float (&maxima)[2], float (&sums)[2],
                        typename Tile::Output& out) {
  for (int half = 0; half < 2; ++half) {
    float top = maxima[half];
    for (auto& pairs : s)
      for (int i = 2 * half; i < 2 * half + 2; ++i) top = fmaxf(top, pairs[i] *= scale);
    top = reduce_quad<simt::Max>(top);
    const float keep = simt::fast_exp(maxima[half] - top);
    maxima[half] = top;
    float sum = 0.0f;
    for (auto& pairs : s)
      for (int i = 2 * half; i < 2 * half + 2; ++i) sum += pairs[i] = simt::fast_exp(pairs[i] - top);
    sums[half] = sums[half] * keep + reduce_quad<simt::Sum>(sum);
    for (auto& pairs : out)
      for (int i = 2 * half; i < 2 * half + 2; ++i) pairs[i] *= keep;
  }
}

// A block takes kRows queries of one head, the last ones first: they see most keys. While it works on a tile of keys,
// the next one is on its way.
template <int kWidth>
__global__ void __launch_bounds__(Tile<kWidth>::kThreads, kResident)
    forward_queries(Problem<bf16> p, View<bf16, 3> y, View<float, 3> log_sum, bool wide) {
  using Tile = mma::Tile<kWidth>;
  using Layout = ForwardLayout<Tile>;
  unsigned char* shared = simt::dynamic_shared<unsigned char>();
  const auto part = [&](int bytes) { return reinterpret_cast<bf16*>(shared + bytes); };
  bf16 *queries = part(0), *stages = part(Layout::kStages), *ring = part(Layout::kRing);
  float* skew = reinterpret_cast<float*>(shared + Layout::kSkew) + warp() * Tile::kWarpRows * Tile::kReachStride;

  const Work work(p.s, Tile::kRows);
  const int T = static_cast<int>(p.s.T), first = work.last_first * Tile::kRows;
  const int warp_first = first + warp() * Tile::kWarpRows, end = std::min(T, first + Tile::kRows);
  const bool relative = !p.positions.relative.empty();
  const auto copy_keys = [&](int key) {
    bf16* keys = stages + key / Tile::kColumns % 2 * Layout::kStage * Tile::kStride;
    copy_rows<Tile, Tile::kColumns>(p.k(work.b, work.n), p.positions.rotary, p.wide, key, keys);
    copy_rows<Tile, Tile::kColumns>(p.v(work.b, work.n), {}, p.wide, key, keys + Tile::kColumns * Tile::kStride);
  };
  const auto copy_distances = [&](int distance) {
    copy_rows<Tile, Tile::kColumns>(p.relative(work.n), {}, p.wide, distance,
                                    ring + ring_row<Tile>(distance) * Tile::kStride);
  };
  copy_rows<Tile, Tile::kRows>(p.q(work.b, work.n), p.positions.rotary, p.wide, first, queries);
  copy_keys(0);
  if (relative)
    for (int d = -Tile::kColumns; d < Tile::kRows; d += Tile::kColumns) copy_distances(first + d);
  finish_copies();
  const RowFragments<Tile, kWidth <= 128> q(queries);

  float maxima[2] = {kMasked, kMasked}, sums[2] = {};
  typename Tile::Output out = {};
  for (int key = 0; key < end; key += Tile::kColumns) {
    if (key + Tile::kColumns < end) {
      copy_keys(key + Tile::kColumns);
      if (relative) copy_distances(first - key - 2 * Tile::kColumns);
    }
    if (key < warp_first + Tile::kWarpRows) {
      const bf16* keys = stages + key / Tile::kColumns % 2 * Layout::kStage * Tile::kStride;
      typename Tile::Scores s = {};
      add_dots<Tile>(q, keys, s);
      if (relative) add_skewed_dots<Tile>(q, ring, warp_first - key, skew, s);
      for_each_score<Tile>([&](int c, int i, int row, int column) {
        if (key + column > warp_first + row) s[c][i] = kMasked;
      });
      softmax<Tile>(s, p.scale, maxima, sums, out);
      add_product<Tile>(s, keys + Tile::kColumns * Tile::kStride, out);
    }
    finish_copies();
  }

  for (int half = 0; half < 2; ++half) {
    const int row = warp_first + lane() / 4 + 8 * half;
    if (row < T && lane() % 4 == 0) log_sum.row(work.b * p.s.N + work.n)[row] = maxima[half] + logf(sums[half]);
    for (auto& pairs : out)
      for (int i = 2 * half; i < 2 * half + 2; ++i) pairs[i] /= sums[half];
  }
  float* output = reinterpret_cast<float*>(shared);
  share_output<Tile>(out, output);
  store_shared<Tile, bf16>(output, rows_of(y, work.b, p.s.T, work.n * p.s.D, p.s.D), {}, wide, 1.0f, Accumulate::no,
                           first);
}

}  // namespace
}  // namespace mma

void forward(Cuda& cuda, const Problem<bf16>& p, View<bf16, 3> y, View<float, 3> log_sum) {
  const bool wide = is_wide_output(p.s, y);
  with_width(p.s.D, [&](auto width) {
    using Tile = mma::Tile<width()>;
    launch(cuda, "attention_forward",
           {.grid = {blocks(p.s, Tile::kRows)},
            .block = {Tile::kThreads},
            .shared_bytes = mma::ForwardLayout<Tile>::bytes(!p.positions.relative.empty())},
           mma::forward_queries<width()>, p, y, log_sum, wide);
  });
}

}  // namespace polonaise::kernels::attention
