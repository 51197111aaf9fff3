#include "kernels/sampling/sampling.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <vector>

#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sampling/cpu/sampling.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/cpu/philox-inl.h"
#include "kernels/cpu/simd-inl.h"

#ifndef POLONAISE_KERNELS_CPU_SAMPLING_CPP_
#define POLONAISE_KERNELS_CPU_SAMPLING_CPP_
namespace polonaise::kernels {
namespace {

// A row while it is cut down to what may be drawn. `ranks` order values as their logits do, but are integers, so that a
// cut between two of them is found by bisection instead of by sorting.
struct Candidates {
  std::int32_t* ranks;  // kDropped: not to be drawn
  float* weights;       // 0 where dropped
  Index count;
  Index padded;  // from `count` on all are dropped
};
constexpr std::int32_t kDropped = std::numeric_limits<std::int32_t>::min();

}  // namespace
}  // namespace polonaise::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

// Ranks of a row's logits; returns the most likely value, the lowest of equals.
Index rank(const float* logits, const std::uint8_t* allowed, const Candidates& row) {
  for (Index i = 0; i < row.count; ++i) {
    const auto bits = std::bit_cast<std::int32_t>(logits[i] + 0.0f);  // -0 becomes 0
    const std::int32_t ordered = bits ^ ((bits >> 31) & 0x7fffffff);  // negative numbers the other way around
    row.ranks[i] = std::max(ordered, kDropped + 1);
  }
  if (allowed)
    for (Index i = 0; i < row.count; ++i) row.ranks[i] = allowed[i] ? row.ranks[i] : kDropped;
  std::fill(row.ranks + row.count, row.ranks + row.padded, kDropped);
  std::int32_t best = kDropped;
  for (Index i = 0; i < row.count; ++i) best = std::max(best, row.ranks[i]);
  return std::find(row.ranks, row.ranks + row.count, best) - row.ranks;
}

// Gives every candidate weight(logit), and 0 to what is dropped.
template <class Weight>
void weigh(const float* logits, const Candidates& row, Weight&& weight) {
  const Floats d;
  const hn::RebindToSigned<Floats> d_int;
  const auto dropped = hn::Set(d_int, kDropped);
  for_each_vector(row.count, [&](Index i, Index count) {
    const auto out = hn::RebindMask(d, hn::Eq(hn::LoadU(d_int, row.ranks + i), dropped));
    hn::StoreU(hn::IfThenZeroElse(out, weight(load_n(logits + i, count))), d, row.weights + i);
  });
}

// The measure of the candidates that rank at least `least`: their number, or their weight.
float measure_from(const Candidates& row, std::int32_t least, bool by_count) {
  const Floats d;
  const hn::RebindToSigned<Floats> d_int;
  const auto bound = hn::Set(d_int, least);
  const Vec one = hn::Set(d, 1.0f);
  constexpr int kSums = 4;  // at once, since each addition waits for the one before
  Vec sums[kSums] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  for (Index begin = 0; begin < row.padded; begin += kSums * lanes())
    for (int s = 0; s < kSums; ++s) {
      const Index i = begin + s * lanes();
      const auto below = hn::RebindMask(d, hn::Lt(hn::LoadU(d_int, row.ranks + i), bound));
      sums[s] = sums[s] + hn::IfThenZeroElse(below, by_count ? one : hn::LoadU(d, row.weights + i));
    }
  return hn::GetLane(hn::SumOfLanes(d, (sums[0] + sums[1]) + (sums[2] + sums[3])));
}

// Keeps the most likely candidates, up to the one with which their measure reaches `target`. Of equals the lower stay.
void keep_most_likely(const Candidates& row, std::int32_t best, float target, bool by_count) {
  std::int64_t low = std::int64_t{kDropped} + 1, high = std::int64_t{best} + 1;  // reaches the target; falls short
  if (measure_from(row, static_cast<std::int32_t>(low), by_count) <= target) return;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    const float measure = measure_from(row, static_cast<std::int32_t>(middle), by_count);
    (measure >= target ? low : high) = middle;
    if (measure == target) break;
  }
  const auto cut = static_cast<std::int32_t>(low);
  float kept = low == best ? 0.0f : measure_from(row, cut + 1, by_count);
  for (Index i = 0; i < row.count; ++i) {
    const bool stays = row.ranks[i] >= cut;
    row.weights[i] = stays ? row.weights[i] : 0.0f;
    row.ranks[i] = stays ? row.ranks[i] : kDropped;
  }
  for (Index i = 0; i < row.count; ++i) {
    if (row.ranks[i] != cut) continue;
    if (kept >= target) {
      row.weights[i] = 0;
      row.ranks[i] = kDropped;
    }
    kept += by_count ? 1.0f : row.weights[i];
  }
}

void keep_by_options(const Candidates& row, Index best, const SamplingOptions& options) {
  const std::int32_t best_rank = row.ranks[best];
  if (options.top_k > 0 && options.top_k < row.count)
    keep_most_likely(row, best_rank, static_cast<float>(options.top_k), true);
  if (options.top_p < 1)
    keep_most_likely(row, best_rank, options.top_p * measure_from(row, kDropped + 1, false), false);
}

// The value at which the running sum of weights passes u of the whole.
Index draw(const Candidates& row, float u, Index otherwise) {
  double total = 0;
  for (Index i = 0; i < row.count; ++i) total += row.weights[i];
  const double goal = u * total;
  double sum = 0;
  for (Index i = 0; i < row.count; ++i) {
    sum += row.weights[i];
    if (sum > goal) return i;
  }
  return otherwise;  // only where the logits were not numbers
}

std::int32_t sample_token(const float* logits, const std::uint8_t* allowed, const SamplingOptions& options, float u,
                          const Candidates& row) {
  const Index best = rank(logits, allowed, row);
  if (options.temperature == 0 || options.top_k == 1) return static_cast<std::int32_t>(best);
  const Floats d;
  const Vec peak = hn::Set(d, logits[best]), temperature = hn::Set(d, options.temperature);
  weigh(logits, row, [&](Vec logit) { return hn::Exp(d, (logit - peak) / temperature); });
  keep_by_options(row, best, options);
  return static_cast<std::int32_t>(draw(row, u, best));
}

// Draws the keys of row r.
void sample_key_row(const SampleKeys& s, Index r, const Candidates& row) {
  const SamplingOptions& options = s.options;
  const float* const logits = s.logits.row(r);
  const std::uint8_t* const allowed = s.allowed.empty() ? nullptr : s.allowed.row(r);
  std::uint8_t* const keys = s.keys.row(r);
  const auto random_row = static_cast<std::uint32_t>(s.first_row + r);
  const std::uint32_t first = s.position * static_cast<std::uint32_t>(row.count);
  const Floats d;
  const Index best = rank(logits, allowed, row);
  const Vec zero = hn::Zero(d), one = hn::Set(d, 1.0f), temperature = hn::Set(d, options.temperature);
  if (options.temperature == 0)
    weigh(logits, row, [&](Vec logit) { return hn::IfThenElseZero(hn::Gt(logit, zero), one); });
  else
    weigh(logits, row, [&](Vec logit) { return sigmoid(logit / temperature); });
  keep_by_options(row, best, options);

  HWY_ALIGN std::uint32_t words[4 * hn::MaxLanes(d)];
  const Index step = 4 * random_blocks_at_once(), skip = first % 4;
  for (Index begin = -skip; begin < row.count; begin += step) {
    random_blocks(s.stream, random_row, static_cast<std::uint32_t>((first + begin) / 4), words);
    for (Index k = std::max<Index>(0, begin); k < std::min(row.count, begin + step); ++k)
      keys[k] = uniform(words[k - begin]) < row.weights[k];
  }
  if (options.max_keys == 0) return;
  const Index likeliest = rank(logits, keys, row);
  keep_most_likely(row, row.ranks[likeliest], static_cast<float>(options.max_keys), true);
  for (Index k = 0; k < row.count; ++k) keys[k] = row.ranks[k] != kDropped;
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(sample_token);
HWY_EXPORT(sample_key_row);

namespace {

constexpr Index kBlock = 16;    // rows that one task takes
constexpr Index kPadding = 64;  // four vectors of the longest

// Runs body(r, candidates) for every row; the candidates' memory is the thread's own and outlives the call.
template <class Body>
void over_rows(const Cpu& cpu, View<const float, 2> logits, Body&& body) {
  parallel_blocks(cpu, logits.rows(), kBlock, [&](Index begin, Index count) {
    thread_local std::vector<std::int32_t> ranks;
    thread_local std::vector<float> weights;
    const Index columns = logits.columns(), padded = ceil_div(columns, kPadding) * kPadding;
    if (static_cast<Index>(ranks.size()) < padded) {
      ranks.resize(static_cast<std::size_t>(padded));
      weights.resize(static_cast<std::size_t>(padded));
    }
    const Candidates candidates{ranks.data(), weights.data(), columns, padded};
    for (Index r = begin; r < begin + count; ++r) body(r, candidates);
  });
}

}  // namespace

void sample_tokens(Cpu& cpu, const SampleTokens& s) {
  s.check();
  over_rows(cpu, s.logits, [&](Index r, const Candidates& candidates) {
    const float u = uniform(s.stream, static_cast<std::uint32_t>(s.first_row + r), s.position);
    const std::uint8_t* const allowed = s.allowed.empty() ? nullptr : s.allowed.row(r);
    const bool any =
        allowed == nullptr || std::any_of(allowed, allowed + s.allowed.columns(), [](auto a) { return a != 0; });
    s.tokens.data()[r] =
        any ? HWY_DYNAMIC_DISPATCH(sample_token)(s.logits.row(r), allowed, s.options, u, candidates) : -1;
  });
}

void sample_keys(Cpu& cpu, const SampleKeys& s) {
  s.check();
  over_rows(cpu, s.logits, [&](Index r, const Candidates& row) { HWY_DYNAMIC_DISPATCH(sample_key_row)(s, r, row); });
}

}  // namespace polonaise::kernels
#endif
