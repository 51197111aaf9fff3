#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/sampling/sampling.h"
#include "kernels/simt/simt.h"

// Drawing from a row of logits by a block of kThreads along x, all of whom get the result. Nothing of the row is
// stored: a value's rank and weight are worked out where they are asked for, so that a row may have any length. Cuts
// and ties are one kind of question, the last place before which a sum over the row does not pass a bound, and are
// found by bisection; the draw itself by a running sum.

namespace polonaise::kernels {

// Ranks order values as their logits do, but are integers.
inline constexpr std::int32_t kDropped = std::numeric_limits<std::int32_t>::min();  // not to be drawn

__device__ inline std::int32_t rank_of(float logit) {
  const std::int32_t bits = __float_as_int(logit + 0.0f);           // -0 becomes 0
  const std::int32_t ordered = bits ^ ((bits >> 31) & 0x7fffffff);  // negative numbers the other way around
  return ordered > kDropped ? ordered : kDropped + 1;
}

// A row while it is cut down to what may be drawn: what ranks above the cut, and of equals at the cut those up to
// `last`.
struct Candidates {
  const float* logits;
  const std::uint8_t* allowed;  // null: all are
  Index count;
  std::int32_t cut = kDropped + 1;
  Index last = count - 1;

  __device__ std::int32_t rank(Index i) const {
    return allowed == nullptr || allowed[i] != 0 ? rank_of(logits[i]) : kDropped;
  }
  // The rank of what is kept, else kDropped.
  __device__ std::int32_t kept_rank(Index i) const {
    const std::int32_t mine = rank(i);
    return mine > cut || (mine == cut && i <= last) ? mine : kDropped;
  }
};

// The block's sum of term(i) over the row.
template <int kThreads, class Sum, class Term>
__device__ Sum row_sum(Index count, Term&& term) {
  Sum sum = 0;
  for (Index i = threadIdx.x; i < count; i += kThreads) sum += term(i);
  return simt::block::sum<kThreads>(sum);
}

// The largest x in [low, high) that holds; low does, and from some x on none.
template <class Holds>
__device__ Index last_where(Index low, Index high, Holds&& holds) {
  while (high - low > 1) {
    const Index middle = low + (high - low) / 2;
    (holds(middle) ? low : high) = middle;
  }
  return low;
}

// The most likely value, the lowest of equals; -1 where none is allowed.
template <int kThreads>
__device__ Index most_likely(const Candidates& row) {
  std::uint64_t best = 0;  // rank and index in one, so that the larger is the better; 0 for what is dropped
  for (Index i = threadIdx.x; i < row.count; i += kThreads) {
    const auto rank = static_cast<std::uint32_t>(row.rank(i)) ^ 0x80000000u;
    const std::uint64_t place =
        rank == 0 ? 0 : std::uint64_t{rank} << 32 | (0xFFFFFFFFu - static_cast<std::uint32_t>(i));
    best = best > place ? best : place;
  }
  best = simt::block::max<kThreads>(best);
  return best == 0 ? -1 : static_cast<Index>(0xFFFFFFFFu - static_cast<std::uint32_t>(best));
}

// Keeps the most likely candidates, up to the one with which the sum of their measure(i) reaches `target`. Of equals,
// which measure the same, the lower stay.
template <int kThreads, class Measure>
__device__ void keep_most_likely(Candidates& row, std::int32_t best, float target, Measure&& measure) {
  constexpr Index kLeast = kDropped + 1;
  const auto measure_from = [&](Index least) {
    return row_sum<kThreads, float>(row.count, [&](Index i) { return row.kept_rank(i) >= least ? measure(i) : 0.0f; });
  };
  if (measure_from(kLeast) <= target) return;
  Index low = kLeast, high = Index{best} + 1;  // reaches the target; falls short
  while (high - low > 1) {
    const Index middle = low + (high - low) / 2;
    const float measured = measure_from(middle);
    (measured >= target ? low : high) = middle;
    if (measured == target) break;  // numbers of values meet it long before the ranks do
  }
  const std::int32_t cut = low > row.cut ? static_cast<std::int32_t>(low) : row.cut;
  const auto ties_before = [&](Index end) {
    return row_sum<kThreads, int>(end, [&](Index i) { return row.kept_rank(i) == cut ? 1 : 0; });
  };
  const int ties = ties_before(row.count);
  float of_one = 0;
  for (Index i = threadIdx.x; i < row.count; i += kThreads)
    if (row.kept_rank(i) == cut) of_one = measure(i);
  of_one = simt::block::max<kThreads>(of_one);
  float sum = measure_from(Index{cut} + 1);
  int staying = 0;
  for (; staying < ties && !(sum >= target); ++staying) sum += of_one;
  Index last = cut == row.cut ? row.last : row.count - 1;
  if (staying < ties) last = last_where(0, row.count, [&](Index end) { return ties_before(end) < staying; });
  row.cut = cut;
  row.last = last;
}

template <int kThreads, class Weight>
__device__ void keep_by_options(Candidates& row, std::int32_t best, const SamplingOptions& options, Weight&& weight) {
  if (options.top_k > 0 && options.top_k < row.count)
    keep_most_likely<kThreads>(row, best, static_cast<float>(options.top_k), [](Index) { return 1.0f; });
  if (options.top_p < 1) {
    const float all =
        row_sum<kThreads, float>(row.count, [&](Index i) { return row.kept_rank(i) != kDropped ? weight(i) : 0.0f; });
    keep_most_likely<kThreads>(row, best, options.top_p * all, weight);
  }
}

// sample_tokens of one row with the uniform number u; -1 where nothing is allowed.
template <int kThreads>
__device__ std::int32_t sample_token(const float* logits, const std::uint8_t* allowed, Index count,
                                     const SamplingOptions& options, float u) {
  Candidates row{logits, allowed, count};
  const Index best = most_likely<kThreads>(row);
  if (best < 0 || options.temperature == 0 || options.top_k == 1) return static_cast<std::int32_t>(best);
  const float peak = logits[best];
  const auto weight = [&](Index i) { return expf((logits[i] - peak) / options.temperature); };
  keep_by_options<kThreads>(row, row.rank(best), options, weight);
  // Threads stand for neighbouring stretches of the row; the one whose stretch the goal lies in looks for its token.
  const Index stretch = ceil_div(count, kThreads), begin = std::min(threadIdx.x * stretch, count),
              end = std::min(begin + stretch, count);
  const auto kept_weight = [&](Index i) { return row.kept_rank(i) != kDropped ? weight(i) : 0.0f; };
  double mine = 0;
  for (Index i = begin; i < end; ++i) mine += kept_weight(i);
  const auto sum = simt::block::running_sum<kThreads>(mine);
  const double goal = u * simt::block::max<kThreads>(sum.including);
  Index token = -1;
  if (sum.before <= goal && sum.including > goal) {
    double passed = sum.before;
    for (Index i = begin; i < end && !(passed > goal); ++i) {
      const float more = kept_weight(i);
      if (more > 0) token = i;  // the last that has weight, should the two sums be rounded apart
      passed += more;
    }
  }
  token = simt::block::max<kThreads>(token);
  return static_cast<std::int32_t>(token < 0 ? best : token);  // none only where the logits were not numbers
}

// sample_keys of one row, with the numbers at first, first + 1, ... of `random_row`.
template <int kThreads>
__device__ void sample_key_row(const float* logits, const std::uint8_t* allowed, Index count,
                               const SamplingOptions& options, const RandomStream& stream, std::uint32_t random_row,
                               std::uint32_t first, std::uint8_t* keys) {
  Candidates row{logits, allowed, count};
  const Index best = most_likely<kThreads>(row);
  const auto weight = [&](Index i) {
    if (options.temperature == 0) return logits[i] > 0 ? 1.0f : 0.0f;
    return simt::sigmoid(logits[i] / options.temperature);
  };
  if (best >= 0) keep_by_options<kThreads>(row, row.rank(best), options, weight);
  // A thread draws the keys that share a block of four random words.
  const Index skip = first % 4;
  for (Index group = threadIdx.x; 4 * group < skip + count; group += kThreads) {
    const Philox4 words = random_words(stream, random_row, first / 4 + static_cast<std::uint32_t>(group));
    for (int w = 0; w < 4; ++w) {
      const Index k = 4 * group - skip + w;
      if (k < 0 || k >= count) continue;
      keys[k] = row.kept_rank(k) != kDropped && uniform(words[w]) < weight(k);
    }
  }
  if (options.max_keys == 0) return;
  simt::block::sync<kThreads>();  // what follows shares the keys out in another way
  Candidates drawn{logits, keys, count};
  const Index likeliest = most_likely<kThreads>(drawn);
  if (likeliest < 0) return;
  keep_most_likely<kThreads>(drawn, drawn.rank(likeliest), static_cast<float>(options.max_keys),
                             [](Index) { return 1.0f; });
  for (Index k = threadIdx.x; k < count; k += kThreads) keys[k] = drawn.kept_rank(k) != kDropped;
}

}  // namespace polonaise::kernels
