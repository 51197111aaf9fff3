#include "kernels/attention/attention.h"

#include <algorithm>
#include <cmath>

#include "kernels/attention/cpu/head.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/cpu/forward.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/attention/cpu/tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

// Blocks of queries and keys, whose scores stay in the first-level cache. Multiples of kTileRows, and of tile_columns()
// on every target, so that a tile never spans two blocks.
constexpr Index kForwardQueries = 24, kForwardKeys = 288;

struct ForwardLayout {
  ForwardLayout(Index T, Index D) {
    const Index width = round_up(D, tile_columns());
    ScratchLayout parts;
    keys = parts.take(panels_size(T, D));
    distances = parts.take(panels_size(T, D));
    values = parts.take(T * width);
    queries = parts.take(kForwardQueries * width);
    output = parts.take(kForwardQueries * width);
    scores = parts.take(kTileRows * scores_row(kForwardKeys));
    rows = parts.take(tile_columns() * D);
    size = parts.size();
  }
  Index keys, distances, values, queries, output, scores, rows, size;
};

// Turns a tile of scores into exponentials under the running maximum of their rows, whose sums and outputs so far are
// rescaled to it ("online softmax").
void softmax_tile(float* s, Index s_row, Index count, bool first, float* maxima, float* sums, float* output,
                  Index width) {
  const Floats d;
  float top[kTileRows];
  for (Index m = 0; m < kTileRows; ++m) {
    Vec maximum = hn::LoadU(d, s + m * s_row);
    for (Index j = lanes(); j < count; j += lanes()) maximum = hn::Max(maximum, hn::LoadU(d, s + m * s_row + j));
    top[m] = hn::GetLane(hn::MaxOfLanes(d, maximum));
  }
  for (Index m = 0; m < kTileRows; ++m, s += s_row, output += width) {
    float before = 0;
    if (!first) {
      top[m] = std::max(top[m], maxima[m]);
      const float keep = std::exp(maxima[m] - top[m]);
      before = sums[m] * keep;
      for (Index i = 0; i < width; i += lanes()) hn::StoreU(hn::LoadU(d, output + i) * hn::Set(d, keep), d, output + i);
    }
    maxima[m] = top[m];
    const Vec maximum = hn::Set(d, top[m]);
    Vec sum = hn::Zero(d);
    for (Index j = 0; j < count; j += lanes()) {
      const Vec p = hn::Exp(d, hn::LoadU(d, s + j) - maximum);
      hn::StoreU(p, d, s + j);
      sum = sum + p;
    }
    sums[m] = before + hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

void forward_head(const AttentionHead& head, View<float, 2> y, float* log_sum, float* scratch) {
  const Index T = head.q.rows(), D = head.q.columns(), width = round_up(D, tile_columns());
  const Index tiles = tiles_of(D);
  const ForwardLayout layout(T, D);
  float *keys = scratch + layout.keys, *values = scratch + layout.values, *queries = scratch + layout.queries;
  float* output = scratch + layout.output;
  const Index s_row = scores_row(kForwardKeys);
  float* scores = scratch + layout.scores + margin();

  float* distances = nullptr;
  pack_panels(head.k, head.rotary, keys, scratch + layout.rows);
  pack_rows(head.v, {}, 1.0f, 0, T, values, width);
  if (!head.relative.empty()) {
    distances = scratch + layout.distances;
    pack_panels(by_key(head.relative, T), {}, distances, scratch + layout.rows);
    std::fill_n(scratch + layout.scores, kTileRows * s_row, 0.0f);
  }

  float maxima[kForwardQueries], sums[kForwardQueries];
  for (Index block = 0; block < T; block += kForwardQueries) {
    const Index block_end = std::min(block + kForwardQueries, T);
    pack_rows(head.q, head.rotary, score_scale(D), block, kForwardQueries, queries, width);
    for (Index row = block; row < block_end; ++row) prefetch_row(y, row);
    for (Index first = 0; first < block_end; first += kForwardKeys)
      for (Index row = block; row < block_end; row += kTileRows) {
        const Index end = std::min({first + kForwardKeys, row + kTileRows, T}), r = row - block;
        if (end <= first) continue;
        score_tile(queries + r * width, width, keys, distances, T, D, row, first, end, scores, s_row);
        softmax_tile(scores, s_row, round_up(end - first, lanes()), first == 0, maxima + r, sums + r,
                     output + r * width, width);
        const Left p{scores, s_row, 1};
        const Right v = rows_of(values + first * width, width);
        if (first == 0)
          multiply<Accumulate::no>(p, v, end - first, output + r * width, width, tiles);
        else
          multiply<Accumulate::yes>(p, v, end - first, output + r * width, width, tiles);
      }
    for (Index row = block; row < block_end; ++row) {
      const Index r = row - block;
      rotate_row(output + r * width, nullptr, Turn::forward, 1.0f / sums[r], D, y.row(row));
      log_sum[row] = maxima[r] + std::log(sums[r]);
    }
  }
}

Index forward_scratch(Index T, Index D) {
  return ForwardLayout(T, D).size;
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(forward_head);
HWY_EXPORT(forward_scratch);

Index attention_scratch_size(const Cpu& cpu, const AttentionShape& shape) {
  return attention_workers(cpu, shape.B * shape.N) *
         std::max(HWY_DYNAMIC_DISPATCH(forward_scratch)(shape.T, shape.D), backward_head_scratch(shape.T, shape.D));
}

template <class T>
void attention_forward(Cpu& cpu, const AttentionForward<T>& a) {
  a.check();
  const AttentionShape& s = a.shape;
  over_attention_tasks(cpu, s.B * s.N, a.scratch, HWY_DYNAMIC_DISPATCH(forward_scratch)(s.T, s.D),
                       [&](Index task, float* own) {
                         const Index b = task / s.N, n = task % s.N;
                         HWY_DYNAMIC_DISPATCH(forward_head)
                         (head_of(s, a.qkv, a.positions, b, n), a.y.row_block(b * s.T, s.T).column_block(n * s.D, s.D),
                          a.log_sum.row(task), own);
                       });
}

template void attention_forward<float>(Cpu&, const AttentionForward<float>&);

}  // namespace polonaise::kernels
#endif
