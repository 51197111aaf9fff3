#include <algorithm>
#include <cmath>

#include "kernels/attention/attention.h"
#include "kernels/base/require.h"
#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/attention/cpu/step.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/attention/cpu/tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

constexpr Index kLargestHead = 256;  // head dimension
constexpr Index kKeysAtOnce = 256;   // scores held on the stack, a multiple of every target's vector

// The sums of four vectors' lanes.
void sums_of_four(Vec a, Vec b, Vec c, Vec e, float* out) {
#if HWY_TARGET == HWY_SCALAR
  const Vec sums[] = {a, b, c, e};
  for (int i = 0; i < 4; ++i) out[i] = hn::GetLane(sums[i]);
#else
  const Floats d;
  const hn::Repartition<double, Floats> pairs;
  const Vec ab = hn::InterleaveLower(d, a, b) + hn::InterleaveUpper(d, a, b);
  const Vec ce = hn::InterleaveLower(d, c, e) + hn::InterleaveUpper(d, c, e);
  const auto ab_pairs = hn::BitCast(pairs, ab), ce_pairs = hn::BitCast(pairs, ce);
  const Vec all = hn::BitCast(d, hn::InterleaveLower(pairs, ab_pairs, ce_pairs)) +
                  hn::BitCast(d, hn::InterleaveUpper(pairs, ab_pairs, ce_pairs));
  // Every block of four lanes now holds one share of the four sums.
  HWY_ALIGN float blocks[hn::MaxLanes(d)];
  hn::Store(all, d, blocks);
  const hn::CappedTag<float, 4> quad;
  auto sum = hn::Load(quad, blocks);
  for (Index i = 4; i < lanes(); i += 4) sum = sum + hn::Load(quad, blocks + i);
  hn::StoreU(sum, quad, out);
#endif
}

// scores[j] = query . (row j of keys + row j of distances, where there are distances), four keys at a time.
template <bool kDistances>
void score_keys(const float* query, View<const float, 2> keys, View<const float, 2> distances, float* scores) {
  const Floats d;
  const Index D = keys.columns(), count = keys.rows();
  const auto term = [&](Vec q, Index j, Index i, Index n, Vec sum) HWY_ATTR {
    Vec key = load_n(keys.row(j) + i, n);
    if constexpr (kDistances) key = key + load_n(distances.row(j) + i, n);
    return hn::MulAdd(q, key, sum);
  };
  Index j = 0;
  for (; j + 4 <= count; j += 4) {
    Vec s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    const auto add = [&](Index i, Index n) HWY_ATTR {
      const Vec q = load_n(query + i, n);
      s0 = term(q, j, i, n, s0);
      s1 = term(q, j + 1, i, n, s1);
      s2 = term(q, j + 2, i, n, s2);
      s3 = term(q, j + 3, i, n, s3);
    };
    Index i = 0;
    for (; i + lanes() <= D; i += lanes()) add(i, lanes());
    if (i < D) add(i, D - i);
    sums_of_four(s0, s1, s2, s3, scores + j);
  }
  for (; j < count; ++j) {
    Vec s = hn::Zero(d);
    for_each_vector(D, [&](Index i, Index n) HWY_ATTR { s = term(load_n(query + i, n), j, i, n, s); });
    scores[j] = hn::GetLane(hn::SumOfLanes(d, s));
  }
}

// Turns scores into exponentials under the running maximum; returns by how much what came before shrinks. There is room
// behind the scores for a whole vector.
float softmax_scores(float* scores, Index count, float& maximum, float& sum) {
  const Floats d;
  const float before = maximum;
  std::fill(scores + count, scores + round_up(count, lanes()), kMasked);
  Vec top = hn::Set(d, maximum);
  for (Index j = 0; j < count; j += lanes()) top = hn::Max(top, hn::LoadU(d, scores + j));
  top = hn::MaxOfLanes(d, top);
  maximum = hn::GetLane(top);
  Vec added = hn::Zero(d);
  for (Index j = 0; j < count; j += lanes()) {
    const Vec p = hn::Exp(d, hn::LoadU(d, scores + j) - top);
    hn::StoreU(p, d, scores + j);
    added = added + p;
  }
  const float shrink = std::exp(before - maximum);
  sum = sum * shrink + hn::GetLane(hn::SumOfLanes(d, added));
  return shrink;
}

// y = shrink y + sum_j p[j] (row j of values)
void add_values(const float* p, View<const float, 2> values, float shrink, float* y) {
  const Floats d;
  const Index D = values.columns(), count = values.rows(), n = lanes();
  const Vec factor = hn::Set(d, shrink);
  Index i = 0;
  for (; i + 2 * n <= D; i += 2 * n) {  // two vectors of four rows: eight sums hide the multiply-add's latency
    Vec a0 = factor * hn::LoadU(d, y + i), b0 = factor * hn::LoadU(d, y + i + n);
    Vec a1 = hn::Zero(d), b1 = a1, a2 = a1, b2 = a1, a3 = a1, b3 = a1;
    const auto add = [&](Index j, Vec& a, Vec& b) HWY_ATTR {
      const Vec weight = hn::Set(d, p[j]);
      a = hn::MulAdd(weight, hn::LoadU(d, values.row(j) + i), a);
      b = hn::MulAdd(weight, hn::LoadU(d, values.row(j) + i + n), b);
    };
    Index j = 0;
    for (; j + 4 <= count; j += 4) {
      add(j, a0, b0);
      add(j + 1, a1, b1);
      add(j + 2, a2, b2);
      add(j + 3, a3, b3);
    }
    for (; j < count; ++j) add(j, a0, b0);
    hn::StoreU((a0 + a1) + (a2 + a3), d, y + i);
    hn::StoreU((b0 + b1) + (b2 + b3), d, y + i + n);
  }
  for_each_vector(D - i, [&](Index begin, Index width) HWY_ATTR {
    Vec sum = factor * load_n(y + i + begin, width);
    for (Index j = 0; j < count; ++j) sum = hn::MulAdd(hn::Set(d, p[j]), load_n(values.row(j) + i + begin, width), sum);
    store_n(sum, y + i + begin, width);
  });
}

// One head of one row: q, k, v [D] of the new position; angles [D] or null; relative [capacity, D] or empty.
void step_head(const float* q, const float* k, const float* v, const float* angles, View<const float, 2> relative,
               Index position, View<float, 2> keys, View<float, 2> values, float* y) {
  const Index capacity = keys.rows(), D = keys.columns(), newest = position % capacity;
  const Index count = std::min(position + 1, capacity);
  rotate_row(k, angles, Turn::forward, 1.0f, D, keys.row(newest));
  std::copy_n(v, D, values.row(newest));

  float query[kLargestHead], scores[kKeysAtOnce];
  rotate_row(q, angles, Turn::forward, score_scale(D), D, query);
  std::fill_n(y, D, 0.0f);
  float maximum = kMasked, sum = 0;
  // Slots up to the newest hold the newest positions, those behind it the oldest.
  const Index ends[] = {newest + 1, count};
  Index slot = 0;
  for (Index end : ends)
    while (slot < end) {
      const Index n = std::min(kKeysAtOnce, end - slot);
      if (relative.empty()) {
        score_keys<false>(query, keys.row_block(slot, n), {}, scores);
      } else {
        const Index distance = slot <= newest ? newest - slot : newest - slot + capacity;
        score_keys<true>(query, keys.row_block(slot, n), {relative.row(distance), {n, D}, -relative.stride()}, scores);
      }
      const float shrink = softmax_scores(scores, n, maximum, sum);
      add_values(scores, values.row_block(slot, n), shrink, y);
      slot += n;
    }
  rotate_row(y, nullptr, Turn::forward, 1.0f / sum, D, y);
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(step_head);

namespace {
constexpr Index kWorthATeam = Index{1} << 19;  // numbers read from the cache, below which waking threads costs more
}  // namespace

template <class T>
void attention_step(Cpu& cpu, const AttentionStep<T>& a) {
  a.check();
  const auto& [rotary, relative] = a.positions;
  const Index B = a.keys.extent(0), N = a.keys.extent(1), C = a.keys.extent(2), D = a.keys.extent(3);
  const Index position = a.position.now();

  const Index read = 2 * B * N * D * std::min(position + 1, C);
  const Cpu team{read < kWorthATeam ? 1 : cpu.threads};
  parallel_for(team, B * N, [&](Index task) {
    const Index b = task / N, n = task % N;
    const auto part = [&](Index which) { return a.qkv.row(b) + (which * N + n) * D; };
    HWY_DYNAMIC_DISPATCH(step_head)
    (part(0), part(1), part(2), rotary.empty() ? nullptr : rotary.row(0),
     relative.empty() ? View<const T, 2>() : relative.row_block(n * relative.extent(1), relative.extent(1)), position,
     a.keys.row_block(task * C, C), a.values.row_block(task * C, C), a.y.row(b) + n * D);
  });
}

template void attention_step<float>(Cpu&, const AttentionStep<float>&);

}  // namespace polonaise::kernels
#endif
