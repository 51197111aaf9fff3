#include "kernels/attention/attention.h"

#include <algorithm>
#include <cmath>

#include "kernels/attention/cpu/head.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/cpu/backward.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/attention/cpu/tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

// Blocks of queries and keys, whose scores and their gradients stay in the first-level cache. Multiples of kTileRows,
// and of tile_columns() on every target, so that a tile never spans two blocks.
constexpr Index kBackwardQueries = 48, kBackwardKeys = 96;

struct BackwardLayout {
  BackwardLayout(Index T, Index D) {
    const Index width = round_up(D, tile_columns()), rows_of_tiles = round_up(T, kTileRows);
    const Index matrix = rows_of_tiles * width, block = kBackwardQueries * scores_row(kBackwardKeys);
    ScratchLayout parts;
    q = parts.take(matrix);
    k = parts.take(matrix);
    dy = parts.take(matrix);
    distances = parts.take(matrix);
    k_panels = parts.take(panels_size(T, D));
    v_panels = parts.take(panels_size(T, D));
    distance_panels = parts.take(panels_size(T, D));
    dq = parts.take(kBackwardQueries * width);
    dk = parts.take(matrix);
    dv = parts.take(matrix);
    d_distances = parts.take(matrix);
    p = parts.take(block);
    ds = parts.take(block);
    delta = parts.take(rows_of_tiles);
    log_sum = parts.take(rows_of_tiles);
    rows = parts.take(tile_columns() * D);
    size = parts.size();
  }
  Index q, k, dy, distances, k_panels, v_panels, distance_panels, dq, dk, dv, d_distances, p, ds, delta, log_sum, rows,
      size;
};

// delta[i] = sum_j p_ij dp_ij = y_i . dy_i
void output_products(View<const float, 2> y, View<const float, 2> dy, float* delta) {
  const Floats d;
  for (Index r = 0; r < y.rows(); ++r) {
    Vec sum = hn::Zero(d);
    for_each_vector(y.columns(), [&](Index i, Index count) HWY_ATTR {
      sum = hn::MulAdd(load_n(y.row(r) + i, count), load_n(dy.row(r) + i, count), sum);
    });
    delta[r] = hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

// Turns scores into probabilities and dp into ds = p (dp - delta).
void softmax_gradient_tile(float* p, float* ds, Index s_row, Index count, const float* log_sum, const float* delta) {
  const Floats d;
  for (Index m = 0; m < kTileRows; ++m, p += s_row, ds += s_row) {
    const Vec log_sum_v = hn::Set(d, log_sum[m]), delta_v = hn::Set(d, delta[m]);
    for (Index j = 0; j < count; j += lanes()) {
      const Vec probability = hn::Exp(d, hn::LoadU(d, p + j) - log_sum_v);
      hn::StoreU(probability, d, p + j);
      hn::StoreU(probability * (hn::LoadU(d, ds + j) - delta_v), d, ds + j);
    }
  }
}

void store_gradient(const float* packed, Index width, View<const float, 2> rotary, float scale, Index first,
                    Index count, View<float, 2> gradient, Accumulate accumulate, float* row) {
  const Index D = gradient.columns();
  for (Index r = first; r < first + count; ++r, packed += width) {
    prefetch_row(gradient, std::min(r + kRowsAhead, gradient.rows() - 1));
    if (accumulate == Accumulate::no) {
      rotate_row(packed, angles_of(rotary, r), Turn::back, scale, D, gradient.row(r));
      continue;
    }
    rotate_row(packed, angles_of(rotary, r), Turn::back, scale, D, row);
    for (Index i = 0; i < D; ++i) gradient.row(r)[i] += row[i];
  }
}

void backward_head(const AttentionHead& head, View<const float, 2> y, const float* log_sum_in,
                   View<const float, 2> dy_in, const AttentionHeadGradient& gradient, float* scratch) {
  const Index T = head.q.rows(), D = head.q.columns(), width = round_up(D, tile_columns());
  const Index tiles = tiles_of(D);
  const BackwardLayout layout(T, D);
  const auto part = [&](Index at) { return scratch + at; };
  float *q = part(layout.q), *k = part(layout.k), *dy = part(layout.dy);
  float *k_panels = part(layout.k_panels), *v_panels = part(layout.v_panels), *rows = part(layout.rows);
  float *dq = part(layout.dq), *dk = part(layout.dk), *dv = part(layout.dv);
  float *delta = part(layout.delta), *log_sum = part(layout.log_sum);
  float *distances = part(layout.distances), *d_distances = part(layout.d_distances), *distance_panels = nullptr;
  const Index rows_of_tiles = round_up(T, kTileRows), s_row = scores_row(kBackwardKeys);
  const bool relative = !head.relative.empty();

  pack_rows(head.q, head.rotary, score_scale(D), 0, rows_of_tiles, q, width);
  pack_rows(head.k, head.rotary, 1.0f, 0, rows_of_tiles, k, width);
  pack_rows(dy_in, {}, 1.0f, 0, rows_of_tiles, dy, width);
  pack_panels(head.k, head.rotary, k_panels, rows);
  pack_panels(head.v, {}, v_panels, rows);
  std::fill_n(delta, rows_of_tiles, 0.0f);
  output_products(y, dy_in, delta);
  std::fill(std::copy_n(log_sum_in, T, log_sum), log_sum + rows_of_tiles, 0.0f);
  std::fill_n(dk, rows_of_tiles * width, 0.0f);
  std::fill_n(dv, rows_of_tiles * width, 0.0f);
  if (relative) {
    distance_panels = part(layout.distance_panels);
    pack_rows(by_key(head.relative, T), {}, 1.0f, 0, rows_of_tiles, distances, width);
    pack_panels(by_key(head.relative, T), {}, distance_panels, rows);
    std::fill_n(d_distances, rows_of_tiles * width, 0.0f);
    // The skewed products read the margins of ds as zeros.
    std::fill_n(part(layout.p), kBackwardQueries * s_row, 0.0f);
    std::fill_n(part(layout.ds), kBackwardQueries * s_row, 0.0f);
  }
  float *p = part(layout.p) + margin(), *ds = part(layout.ds) + margin();

  for (Index block = 0; block < T; block += kBackwardQueries) {
    const Index block_end = std::min(block + kBackwardQueries, T);
    std::fill_n(dq, kBackwardQueries * width, 0.0f);
    for (Index first = 0; first < block_end; first += kBackwardKeys) {
      const Index keys_end = std::min(first + kBackwardKeys, block_end);
      for (Index row = block; row < block_end; row += kTileRows) {
        const Index end = std::min(keys_end, row + kTileRows);
        if (end <= first) continue;
        float *p_tile = p + (row - block) * s_row, *ds_tile = ds + (row - block) * s_row;
        float* dq_tile = dq + (row - block) * width;
        score_tile(q + row * width, width, k_panels, distance_panels, T, D, row, first, end, p_tile, s_row);
        multiply<Accumulate::no>({dy + row * width, width, 1}, panels_from(v_panels, first / tile_columns(), D), D,
                                 ds_tile, s_row, tiles_of(end - first));
        softmax_gradient_tile(p_tile, ds_tile, s_row, round_up(end - first, lanes()), log_sum + row, delta + row);
        multiply<Accumulate::yes>({ds_tile, s_row, 1}, rows_of(k + first * width, width), end - first, dq_tile, width,
                                  tiles);
        if (relative) {
          const Entries entries = entries_of(T, row, first, end);
          multiply<Accumulate::yes>({ds_tile + entries.begin + skew(T, row, first), s_row + 1, 1},
                                    rows_of(distances + entries.begin * width, width), entries.end - entries.begin,
                                    dq_tile, width, tiles);
        }
      }
      // What this block of queries adds to each tile of its keys, and of its distances.
      for (Index key = first; key < keys_end; key += kTileRows) {
        const Index row = std::max(block, key), at = (row - block) * s_row + key - first;
        multiply<Accumulate::yes>({p + at, 1, s_row}, rows_of(dy + row * width, width), block_end - row,
                                  dv + key * width, width, tiles);
        multiply<Accumulate::yes>({ds + at, 1, s_row}, rows_of(q + row * width, width), block_end - row,
                                  dk + key * width, width, tiles);
      }
      if (!relative) continue;
      const Entries entries{T - block_end + first, std::min(T, T - 1 - block + keys_end)};
      for (Index e = entries.begin / kTileRows * kTileRows; e < entries.end; e += kTileRows) {
        const Index row = std::max(block, T - e - kTileRows + first),
                    row_end = std::min(block_end, T - 1 - e + keys_end);
        if (row >= row_end) continue;
        multiply<Accumulate::yes>({ds + (row - block) * s_row + e + skew(T, row, first), 1, s_row + 1},
                                  rows_of(q + row * width, width), row_end - row, d_distances + e * width, width,
                                  tiles);
      }
    }
    store_gradient(dq, width, head.rotary, score_scale(D), block, block_end - block, gradient.q, gradient.accumulate,
                   rows);
  }
  store_gradient(dk, width, head.rotary, 1.0f, 0, T, gradient.k, gradient.accumulate, rows);
  store_gradient(dv, width, {}, 1.0f, 0, T, gradient.v, gradient.accumulate, rows);
  if (!gradient.relative.empty())
    for (Index e = 0; e < T; ++e) {
      float* sum = gradient.relative.row(T - 1 - e);
      for (Index i = 0; i < D; ++i) sum[i] += d_distances[e * width + i];
    }
}

Index backward_scratch(Index T, Index D) {
  return BackwardLayout(T, D).size;
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(backward_head);
HWY_EXPORT(backward_scratch);

Index backward_head_scratch(Index T, Index D) {
  return HWY_DYNAMIC_DISPATCH(backward_scratch)(T, D);
}

template <class T>
void attention_backward(Cpu& cpu, const AttentionBackward<T>& a) {
  a.check();
  const AttentionShape& s = a.shape;
  const auto run = [&](Index b, Index n, float* own) {
    const auto row = a.dqkv.row_block(b * s.T, s.T);
    const auto part = [&](Index which) { return row.column_block((which * s.N + n) * s.D, s.D); };
    AttentionHeadGradient gradient{part(0), part(1), part(2), a.accumulate, {}};
    if (!a.drelative.empty())
      gradient.relative = a.drelative.row_block(n * a.drelative.extent(1), a.drelative.extent(1));
    const auto head = [&](View<const T, 3> x) { return x.row_block(b * s.T, s.T).column_block(n * s.D, s.D); };
    HWY_DYNAMIC_DISPATCH(backward_head)
    (head_of(s, a.qkv, a.positions, b, n), head(a.y), a.log_sum.row(b * s.N + n), head(a.dy), gradient, own);
  };
  const Index size = backward_head_scratch(s.T, s.D);
  if (a.drelative.empty()) {
    over_attention_tasks(cpu, s.B * s.N, a.scratch, size,
                         [&](Index task, float* own) { run(task / s.N, task % s.N, own); });
    return;
  }
  // The rows of the batch add to one gradient in ascending order: a head is one task.
  over_attention_tasks(cpu, s.N, a.scratch, size, [&](Index n, float* own) {
    for (Index b = 0; b < s.B; ++b) run(b, n, own);
  });
}

template void attention_backward<float>(Cpu&, const AttentionBackward<float>&);

}  // namespace polonaise::kernels
#endif
