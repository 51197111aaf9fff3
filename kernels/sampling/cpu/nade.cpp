#include "kernels/sampling/nade.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/indices.h"
#include "kernels/cpu/parallel.h"
#include "kernels/embedding/embedding.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sampling/cpu/nade.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/cpu/simd-inl.h"
#include "kernels/loss/cpu/bernoulli-inl.h"

#ifndef POLONAISE_KERNELS_CPU_NADE_CPP_
#define POLONAISE_KERNELS_CPU_NADE_CPP_
namespace polonaise::kernels {

// One row of a Nade, and what is worked out of it. A key that sounds ends a stretch of keys that share a hidden vector.
struct NadeRow {
  const Nade& nade;
  Index r;
  const std::int32_t* keys;  // those that sound
  Index key_count;
  float* sums;    // [H]: the hidden vector before it is rectified
  float* logits;  // [K]
  float* hidden;  // [key_count + 1, H], one for each stretch; [H] without gradients
  float* dsums;   // [key_count, H]: the gradient of what each sounding key added; null without gradients

  Index K() const { return nade.bias.columns(); }
  Index H() const { return nade.hidden.columns(); }
  float* hidden_of(Index stretch) const { return dsums ? hidden + stretch * H() : hidden; }
  // Keys [begin, end) of a stretch.
  Index begin(Index stretch) const { return stretch == 0 ? 0 : keys[stretch - 1] + 1; }
  Index end(Index stretch) const { return stretch == key_count ? K() : keys[stretch] + 1; }
};

// For one key: rows of hidden vectors, and how much of each its gradient has.
struct WeightedRows {
  const float* const* rows;
  const float* weights;
  Index count;
};

}  // namespace polonaise::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

// y = max(0, x), and NaN where x is.
void rectify(const float* x, Index n, float* y) {
  const Vec zero = hn::Zero(Floats());
  for_each_vector(n, [&](Index i, Index count) {
    const Vec value = load_n(x + i, count);
    store_n(hn::IfThenZeroElse(hn::Lt(value, zero), value), y + i, count);
  });
}

void add_row(const float* x, Index n, float* sum) {
  for_each_vector(
      n, [&](Index i, Index count) { store_n(load_n(sum + i, count) + load_n(x + i, count), sum + i, count); });
}

// z[k] = bias[k] + h . rows[k,:] for kKeys neighbouring keys.
template <int kKeys>
void key_logits_strip(const float* h, const float* rows, Index stride, Index n, const float* bias, float* z) {
  const Floats d;
  Vec sums[kKeys];
  for (Vec& sum : sums) sum = hn::Zero(d);
  const Index whole = n - n % lanes();
  for (Index i = 0; i < whole; i += lanes()) {
    const Vec x = hn::LoadU(d, h + i);
    for (int k = 0; k < kKeys; ++k) sums[k] = hn::MulAdd(x, hn::LoadU(d, rows + k * stride + i), sums[k]);
  }
  if (whole < n) {
    const Vec x = load_n(h + whole, n - whole);
    for (int k = 0; k < kKeys; ++k) sums[k] = hn::MulAdd(x, load_n(rows + k * stride + whole, n - whole), sums[k]);
  }
  for (int k = 0; k < kKeys; ++k) z[k] = bias[k] + hn::GetLane(hn::SumOfLanes(d, sums[k]));
}

void key_logits(const float* h, const Nade& nade, Index r, Index begin, Index end, float* z) {
  const View<const float, 2>& out = nade.key_out;
  const float* bias = nade.bias.row(r);
  Index k = begin;
  for (; k + 8 <= end; k += 8) key_logits_strip<8>(h, out.row(k), out.stride(), out.columns(), bias + k, z + k);
  for (; k + 4 <= end; k += 4) key_logits_strip<4>(h, out.row(k), out.stride(), out.columns(), bias + k, z + k);
  for (; k < end; ++k) key_logits_strip<1>(h, out.row(k), out.stride(), out.columns(), bias + k, z + k);
}

// y += sum_i weights[i] row(i), kVectors neighbouring vectors from `begin` on, `count` elements in the last.
template <int kVectors, class Row>
void add_weighted_strip(const float* weights, Index rows, const Row& row, Index begin, Index count, float* y) {
  const Floats d;
  Vec sums[kVectors];
  for (int v = 0; v < kVectors; ++v) sums[v] = load_n(y + begin + v * lanes(), count);
  for (Index i = 0; i < rows; ++i) {
    const Vec weight = hn::Set(d, weights[i]);
    const float* x = row(i) + begin;
    for (int v = 0; v < kVectors; ++v) sums[v] = hn::MulAdd(weight, load_n(x + v * lanes(), count), sums[v]);
  }
  for (int v = 0; v < kVectors; ++v) store_n(sums[v], y + begin + v * lanes(), count);
}

template <class Row>
void add_weighted(const float* weights, Index rows, const Row& row, Index n, float* y) {
  const Index wide = 8 * lanes();
  Index c = 0;
  for (; c + wide <= n; c += wide) add_weighted_strip<8>(weights, rows, row, c, lanes(), y);
  for (; c < n; c += lanes()) add_weighted_strip<1>(weights, rows, row, c, std::min(lanes(), n - c), y);
}

// The row's loss; with gradients also those of its bias and hidden, and `dsums`.
float nade_row(const NadeRow& row, float* dbias, float* dhidden) {
  const Index H = row.H(), K = row.K();
  std::copy_n(row.nade.hidden.row(row.r), H, row.sums);
  for (Index stretch = 0; stretch <= row.key_count; ++stretch) {
    if (stretch > 0) add_row(row.nade.key_in.row(row.keys[stretch - 1]), H, row.sums);
    rectify(row.sums, H, row.hidden_of(stretch));
    key_logits(row.hidden_of(stretch), row.nade, row.r, row.begin(stretch), row.end(stretch), row.logits);
  }
  const float loss = bernoulli_row(row.logits, K, row.keys, row.key_count, dbias);
  if (!dbias) return loss;

  // From the last stretch to the first: what a stretch's gradient gets belongs to all that was added before it.
  const View<const float, 2>& out = row.nade.key_out;
  float* const dh = row.sums;  // whose work is done
  std::fill_n(dhidden, H, 0.0f);
  for (Index stretch = row.key_count; stretch >= 0; --stretch) {
    const Index begin = row.begin(stretch);
    const float* h = row.hidden_of(stretch);
    std::fill_n(dh, H, 0.0f);
    add_weighted(
        dbias + begin, row.end(stretch) - begin, [&](Index i) { return out.row(begin + i); }, H, dh);
    float* const dsum = stretch > 0 ? row.dsums + (stretch - 1) * H : nullptr;
    for_each_vector(H, [&](Index i, Index count) {
      const auto passes = hn::Ne(load_n(h + i, count), hn::Zero(Floats()));
      const Vec sum = load_n(dhidden + i, count) + hn::IfThenElseZero(passes, load_n(dh + i, count));
      store_n(sum, dhidden + i, count);
      if (dsum) store_n(sum, dsum + i, count);
    });
  }
  return loss;
}

// d += the weighted sum of rows.
void add_weighted_rows(const WeightedRows& x, Index n, float* d) {
  add_weighted(
      x.weights, x.count, [&](Index i) { return x.rows[i]; }, n, d);
}

// Draws one row; `sums` and `hidden` are [H], `logits` [K].
void nade_sample_row(const NadeRow& row, const NadeSample& s) {
  constexpr Index kAtOnce = 8;  // keys whose logits are worked out together, on the chance that none of them sounds
  const Index H = row.H(), K = row.K();
  const NadeOptions& options = s.options;
  const std::uint8_t* const allowed = s.allowed.empty() ? nullptr : s.allowed.row(row.r);
  std::uint8_t* const keys = s.keys.row(row.r);
  const auto random_row = static_cast<std::uint32_t>(s.first_row + row.r);
  const std::uint32_t first = s.position * static_cast<std::uint32_t>(K);
  std::copy_n(row.nade.hidden.row(row.r), H, row.sums);
  rectify(row.sums, H, row.hidden);
  std::fill_n(keys, K, std::uint8_t{0});
  Index sounding = 0, known = 0;  // logits up to `known` are those of the present hidden vector
  for (Index k = 0; k < K; ++k) {
    if (allowed && !allowed[k]) continue;
    if (k >= known) {
      known = std::min(k + kAtOnce, K);
      key_logits(row.hidden, row.nade, row.r, k, known, row.logits);
    }
    const float z = row.logits[k];
    const bool sounds = options.temperature == 0
                            ? z > 0
                            : uniform(s.stream, random_row, first + static_cast<std::uint32_t>(k)) <
                                  1 / (1 + std::exp(-z / options.temperature));
    if (!sounds) continue;
    keys[k] = 1;
    if (++sounding == options.max_keys) break;
    add_row(row.nade.key_in.row(k), H, row.sums);
    rectify(row.sums, H, row.hidden);
    known = k + 1;
  }
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(nade_row);
HWY_EXPORT(add_weighted_rows);
HWY_EXPORT(nade_sample_row);

namespace {

constexpr Index kRows = 16;  // of one task; what they leave for the gradient of key_out stays in the nearest caches
constexpr Index kKeys = 8;   // of one task of that gradient

bool keys_ascend(const SparseRows& targets) {
  bool descends = false;
  for (Index r = 0; r < targets.rows(); ++r)
    for (Index e = targets.offsets.data()[r] + 1; e < targets.offsets.data()[r + 1]; ++e)
      descends |= targets.columns.data()[e] <= targets.columns.data()[e - 1];
  return !descends;
}

// A thread's own memory, which outlives the call.
float* thread_memory(Index floats) {
  thread_local std::vector<float> memory;
  if (static_cast<Index>(memory.size()) < floats) memory.resize(static_cast<std::size_t>(floats));
  return memory.data();
}

// dkey_out[k,:] += sum_r dbias[r,k] h[r,k,:], a few keys a task, which takes the rows in their order.
void add_key_out_gradient(const Cpu& cpu, const SparseRows& targets, View<const float, 2> dbias,
                          View<const float, 2> hidden, View<float, 2> dkey_out) {
  const Index R = dbias.rows(), K = dbias.columns();
  const std::int32_t *offsets = targets.offsets.data(), *columns = targets.columns.data();
  parallel_for(cpu, ceil_div(K, kKeys), [&](Index task) {
    const Index first_key = task * kKeys, end_key = std::min(K, first_key + kKeys);
    for (Index first = 0; first < R; first += kRows) {
      const Index end = std::min(R, first + kRows);
      Index entries[kRows];  // of each row: the first that is not below the key
      for (Index r = first; r < end; ++r)
        entries[r - first] =
            std::lower_bound(columns + offsets[r], columns + offsets[r + 1], static_cast<std::int32_t>(first_key)) -
            columns;
      for (Index k = first_key; k < end_key; ++k) {
        const float* rows[kRows];
        float weights[kRows];
        Index count = 0;
        for (Index r = first; r < end; ++r) {
          Index& entry = entries[r - first];
          const float weight = dbias.row(r)[k];
          if (weight != 0) {
            rows[count] = hidden.row(r + entry);
            weights[count++] = weight;
          }
          if (entry < offsets[r + 1] && columns[entry] == k) ++entry;
        }
        HWY_DYNAMIC_DISPATCH(add_weighted_rows)({rows, weights, count}, dkey_out.columns(), dkey_out.row(k));
      }
    }
  });
}

}  // namespace

void nade_loss(Cpu& cpu, const NadeLoss& l) {
  l.check();
  const Nade& nade = l.nade;
  const NadeGradients& d = l.gradients;
  const std::int32_t *offsets = l.targets.offsets.data(), *keys = l.targets.columns.data();
  const Index R = nade.bias.rows(), K = nade.bias.columns(), H = nade.hidden.columns(),
              entries = l.targets.columns.size();
  require(sparse_rows_within(l.targets, R, K) && keys_ascend(l.targets), "targets must be ascending keys below K");
  require(R == 0 || offsets[R] == entries, "the last offset of targets must be the number of its keys");
  const bool with_gradients = !d.bias.empty();
  // Row r's hidden vectors stand at r + offsets[r], one more than it has keys.
  const View<float, 2> hidden = with_gradients ? l.scratch.row_block(0, R + entries) : View<float, 2>{};
  const View<float, 2> dsums = with_gradients ? l.scratch.row_block(R + entries, entries) : View<float, 2>{};

  parallel_blocks(cpu, R, kRows, [&](Index first, Index rows) {
    float* const memory = thread_memory(2 * H + K);
    for (Index r = first; r < first + rows; ++r) {
      const Index begin = offsets[r], count = offsets[r + 1] - begin;
      float loss = 0;
      if (l.mask.empty() || l.mask.data()[r] != 0) {
        const NadeRow row{nade,
                          r,
                          keys + begin,
                          count,
                          memory,
                          memory + 2 * H,
                          with_gradients ? hidden.row(r + begin) : memory + H,
                          with_gradients ? dsums.row(begin) : nullptr};
        loss = HWY_DYNAMIC_DISPATCH(nade_row)(row, with_gradients ? d.bias.row(r) : nullptr,
                                              with_gradients ? d.hidden.row(r) : nullptr);
      } else if (with_gradients) {
        std::fill_n(d.bias.row(r), K, 0.0f);
        std::fill_n(d.hidden.row(r), H, 0.0f);
        std::fill_n(dsums.row(begin), count * H, 0.0f);
      }
      l.losses.data()[r] = loss;
    }
  });
  if (!with_gradients) return;
  add_key_out_gradient(cpu, l.targets, d.bias, hidden, d.key_out);
  if (entries > 0) embedding_backward<float>(cpu, {.ids = l.targets.columns, .dy = dsums, .dtable = d.key_in});
}

void nade_sample(Cpu& cpu, const NadeSample& s) {
  s.check();
  const Index K = s.nade.bias.columns(), H = s.nade.hidden.columns();
  parallel_blocks(cpu, s.nade.bias.rows(), kRows, [&](Index first, Index rows) {
    float* const memory = thread_memory(2 * H + K);
    for (Index r = first; r < first + rows; ++r)
      HWY_DYNAMIC_DISPATCH(nade_sample_row)({s.nade, r, nullptr, 0, memory, memory + 2 * H, memory + H, nullptr}, s);
  });
}

}  // namespace polonaise::kernels
#endif
