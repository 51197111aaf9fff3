#include "kernels/attention.h"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/attention_head.h"
#include "kernels/cpu/parallel.h"
#include "kernels/require.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/attention.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/cpu/attention-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

// Blocks of queries and keys, whose scores stay in the first-level cache. Multiples of kTileRows, and of tile_columns()
// on every target, so that a tile never spans two blocks.
constexpr Index kForwardQueries = 24, kForwardKeys = 288;
constexpr Index kBackwardQueries = 48, kBackwardKeys = 96;

// Hands out parts of the scratch.
class Carver {
 public:
  Index take(Index n) {
    const Index at = size_;
    size_ += round_up(n, 16);
    return at;
  }
  Index size() const { return size_; }

 private:
  Index size_ = 0;
};

struct ForwardLayout {
  ForwardLayout(Index T, Index D) {
    const Index width = round_up(D, tile_columns());
    Carver carver;
    keys = carver.take(panels_size(T, D));
    distances = carver.take(panels_size(T, D));
    values = carver.take(T * width);
    queries = carver.take(kForwardQueries * width);
    output = carver.take(kForwardQueries * width);
    scores = carver.take(kTileRows * scores_row(kForwardKeys));
    rows = carver.take(tile_columns() * D);
    size = carver.size();
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
    for (Index first = 0; first < block_end; first += kForwardKeys)
      for (Index row = block; row < block_end; row += kTileRows) {
        const Index end = std::min({first + kForwardKeys, row + kTileRows, T}), r = row - block;
        if (end <= first) continue;
        score_tile(queries + r * width, width, keys, distances, T, D, row, first, end, scores, s_row);
        softmax_tile(scores, s_row, round_up(end - first, tile_columns()), first == 0, maxima + r, sums + r,
                     output + r * width, width);
        const Left p{scores, s_row, 1};
        const Right v{values + first * width, width};
        if (first == 0)
          multiply_tiles<Accumulate::no>(p, v, end - first, output + r * width, width, width);
        else
          multiply_tiles<Accumulate::yes>(p, v, end - first, output + r * width, width, width);
      }
    for (Index row = block; row < block_end; ++row) {
      const Index r = row - block;
      rotate_row(output + r * width, nullptr, Turn::forward, 1.0f / sums[r], D, y.row(row));
      log_sum[row] = maxima[r] + std::log(sums[r]);
    }
  }
}

struct BackwardLayout {
  BackwardLayout(Index T, Index D) {
    const Index width = round_up(D, tile_columns()), rows_of_tiles = round_up(T, kTileRows);
    const Index matrix = rows_of_tiles * width, block = kBackwardQueries * scores_row(kBackwardKeys);
    Carver carver;
    q = carver.take(matrix);
    k = carver.take(matrix);
    dy = carver.take(matrix);
    distances = carver.take(matrix);
    k_panels = carver.take(panels_size(T, D));
    v_panels = carver.take(panels_size(T, D));
    distance_panels = carver.take(panels_size(T, D));
    dq = carver.take(kBackwardQueries * width);
    dk = carver.take(matrix);
    dv = carver.take(matrix);
    d_distances = carver.take(matrix);
    p = carver.take(block);
    ds = carver.take(block);
    delta = carver.take(rows_of_tiles);
    log_sum = carver.take(rows_of_tiles);
    rows = carver.take(tile_columns() * D);
    size = carver.size();
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
        const Index covered = round_up(end - first, tile_columns());
        for (Index j = 0; j < covered; j += tile_columns())
          multiply_tile<Accumulate::no>({dy + row * width, width, 1}, panel(v_panels, (first + j) / tile_columns(), D),
                                        D, ds_tile + j, s_row);
        softmax_gradient_tile(p_tile, ds_tile, s_row, covered, log_sum + row, delta + row);
        multiply_tiles<Accumulate::yes>({ds_tile, s_row, 1}, {k + first * width, width}, end - first, dq_tile, width,
                                        width);
        if (relative) {
          const Entries entries = entries_of(T, row, first, end);
          multiply_tiles<Accumulate::yes>({ds_tile + entries.begin + skew(T, row, first), s_row + 1, 1},
                                          {distances + entries.begin * width, width}, entries.end - entries.begin,
                                          dq_tile, width, width);
        }
      }
      // What this block of queries adds to each tile of its keys, and of its distances.
      for (Index key = first; key < keys_end; key += kTileRows) {
        const Index row = std::max(block, key), at = (row - block) * s_row + key - first;
        multiply_tiles<Accumulate::yes>({p + at, 1, s_row}, {dy + row * width, width}, block_end - row,
                                        dv + key * width, width, width);
        multiply_tiles<Accumulate::yes>({ds + at, 1, s_row}, {q + row * width, width}, block_end - row,
                                        dk + key * width, width, width);
      }
      if (!relative) continue;
      const Entries entries{T - block_end + first, std::min(T, T - 1 - block + keys_end)};
      for (Index e = entries.begin / kTileRows * kTileRows; e < entries.end; e += kTileRows) {
        const Index row = std::max(block, T - e - kTileRows + first),
                    row_end = std::min(block_end, T - 1 - e + keys_end);
        if (row >= row_end) continue;
        multiply_tiles<Accumulate::yes>({ds + (row - block) * s_row + e + skew(T, row, first), 1, s_row + 1},
                                        {q + row * width, width}, row_end - row, d_distances + e * width, width, width);
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

Index head_scratch_size(Index T, Index D) {
  return std::max(ForwardLayout(T, D).size, BackwardLayout(T, D).size);
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(forward_head);
HWY_EXPORT(backward_head);
HWY_EXPORT(head_scratch_size);

namespace {

Index workers(const Cpu& cpu, Index tasks) {
  return std::max<Index>(1, std::min<Index>(cpu.threads, tasks));
}

// Runs body(task, scratch): each worker takes every workers-th task and has a part of the scratch to itself.
template <class Body>
void over_tasks(const Cpu& cpu, const AttentionShape& shape, Index tasks, View<float, 1> scratch, Body&& body) {
  const Index count = workers(cpu, tasks), size = HWY_DYNAMIC_DISPATCH(head_scratch_size)(shape.T, shape.D);
  require(scratch.size() >= count * size, "scratch must have attention_scratch_size numbers");
  parallel_for(cpu, count, [&](Index worker) {
    for (Index task = worker; task < tasks; task += count) body(task, scratch.data() + worker * size);
  });
}

void require_shape(const AttentionShape& s, View<const float, 3> qkv, const AttentionPositions<float>& positions,
                   View<const float, 3> y, View<const float, 3> log_sum) {
  require(s.D >= 1 && s.D <= 256, "the head dimension must be 1 to 256");
  require(qkv.extents() == std::array<Index, 3>{s.B, s.T, 3 * s.N * s.D}, "qkv must be [B,T,3*N*D]");
  require(y.extents() == std::array<Index, 3>{s.B, s.T, s.N * s.D}, "y must be [B,T,N*D]");
  require(log_sum.extents() == std::array<Index, 3>{s.B, s.N, s.T}, "log_sum must be [B,N,T]");
  const auto& [rotary, relative] = positions;
  require(rotary.empty() || relative.empty(), "positions are rotary or relative, not both");
  require(rotary.empty() || (rotary.rows() >= s.T && rotary.columns() == s.D && s.D % 2 == 0),
          "rotary must be [at least T, D] with D even");
  require(relative.empty() || (relative.extent(0) == s.N && relative.extent(1) >= s.T && relative.extent(2) == s.D),
          "relative must be [N, at least T, D]");
}

View<const float, 2> relative_of(const AttentionPositions<float>& positions, Index n) {
  const auto& relative = positions.relative;
  if (relative.empty()) return {};
  return relative.row_block(n * relative.extent(1), relative.extent(1));
}

AttentionHead head_of(const AttentionShape& s, View<const float, 3> qkv, const AttentionPositions<float>& positions,
                      Index b, Index n) {
  const auto row = qkv.row_block(b * s.T, s.T);
  const auto part = [&](Index which) { return row.column_block((which * s.N + n) * s.D, s.D); };
  return {part(0), part(1), part(2), positions.rotary, relative_of(positions, n)};
}

}  // namespace

Index attention_scratch_size(const Cpu& cpu, const AttentionShape& shape) {
  return workers(cpu, shape.B * shape.N) * HWY_DYNAMIC_DISPATCH(head_scratch_size)(shape.T, shape.D);
}

template <class T>
void attention_forward(Cpu& cpu, const AttentionShape& s, View<const T, 3> qkv, const AttentionPositions<T>& positions,
                       View<T, 3> y, View<float, 3> log_sum, View<float, 1> scratch) {
  require_shape(s, qkv, positions, y, log_sum);
  over_tasks(cpu, s, s.B * s.N, scratch, [&](Index task, float* own) {
    const Index b = task / s.N, n = task % s.N;
    HWY_DYNAMIC_DISPATCH(forward_head)
    (head_of(s, qkv, positions, b, n), y.row_block(b * s.T, s.T).column_block(n * s.D, s.D), log_sum.row(task), own);
  });
}

template <class T>
void attention_backward(Cpu& cpu, const AttentionShape& s, View<const T, 3> qkv, const AttentionPositions<T>& positions,
                        View<const T, 3> y, View<const float, 3> log_sum, View<const T, 3> dy, View<T, 3> dqkv,
                        Accumulate accumulate, View<T, 3> drelative, View<float, 1> scratch) {
  require_shape(s, qkv, positions, y, log_sum);
  require(same_shape(dy, y) && same_shape(View<const T, 3>(dqkv), qkv), "dy must have y's shape, dqkv that of qkv");
  require(drelative.empty() || same_shape(View<const T, 3>(drelative), positions.relative),
          "drelative must have relative's shape");
  const auto run = [&](Index b, Index n, float* own) {
    const auto row = dqkv.row_block(b * s.T, s.T);
    const auto part = [&](Index which) { return row.column_block((which * s.N + n) * s.D, s.D); };
    AttentionHeadGradient gradient{part(0), part(1), part(2), accumulate, {}};
    if (!drelative.empty()) gradient.relative = drelative.row_block(n * drelative.extent(1), drelative.extent(1));
    const Index column = n * s.D;
    HWY_DYNAMIC_DISPATCH(backward_head)
    (head_of(s, qkv, positions, b, n), y.row_block(b * s.T, s.T).column_block(column, s.D), log_sum.row(b * s.N + n),
     dy.row_block(b * s.T, s.T).column_block(column, s.D), gradient, own);
  };
  if (drelative.empty()) {
    over_tasks(cpu, s, s.B * s.N, scratch, [&](Index task, float* own) { run(task / s.N, task % s.N, own); });
    return;
  }
  // The rows of the batch add to one gradient in ascending order: a head is one task.
  over_tasks(cpu, s, s.N, scratch, [&](Index n, float* own) {
    for (Index b = 0; b < s.B; ++b) run(b, n, own);
  });
}

template void attention_forward<float>(Cpu&, const AttentionShape&, View<const float, 3>,
                                       const AttentionPositions<float>&, View<float, 3>, View<float, 3>,
                                       View<float, 1>);
template void attention_backward<float>(Cpu&, const AttentionShape&, View<const float, 3>,
                                        const AttentionPositions<float>&, View<const float, 3>, View<const float, 3>,
                                        View<const float, 3>, View<float, 3>, Accumulate, View<float, 3>,
                                        View<float, 1>);

}  // namespace polonaise::kernels
#endif
