#pragma once

#include "kernels/cuda/device/philox.cuh"
#include "kernels/sampling/nade.h"
#include "kernels/simt/simt.h"

// A row of a Nade by a block of kThreads along x. A thread owns every kThreads-th hidden unit; a key's logit is a
// warp's.

namespace polonaise::kernels {

// The state of a block's row in shared memory: h, and the sums before they are rectified, [H] each.
struct NadeState {
  float* sums;
  float* h;
  Index H;

  __device__ NadeState(float* memory, Index hidden) : sums(memory), h(memory + hidden), H(hidden) {}
};
inline constexpr Index kNadeVectors = 2;  // of H floats, which a state takes

// Calls visit(i, h) for the thread's units, after h is that of `added`, which the first time is the row of hidden and
// then that of key_in for the key that sounds. Between this and another thread's reading or writing of h stands a
// barrier.
template <int kThreads, class Visit>
__device__ void add_to_state(const NadeState& state, bool first, const float* added, Visit&& visit) {
  for (Index i = threadIdx.x; i < state.H; i += kThreads) {
    const float sum = first ? added[i] : state.sums[i] + added[i];
    state.sums[i] = sum;
    state.h[i] = sum < 0 ? 0 : sum;  // NaN stays NaN
    visit(i, state.h[i]);
  }
}

// h . key_out[k,:], for a whole warp, N units at a time.
template <int N>
__device__ float nade_dot(const NadeState& state, const float* key_out) {
  float sum = 0;
  for (Index i = threadIdx.x % 32 * N; i < state.H; i += 32 * N) {
    const auto weights = simt::load<N>(key_out + i);
    for (int n = 0; n < N; ++n) sum += state.h[i + n] * weights[n];
  }
  return simt::warp::sum(sum);
}

// nade_sample of row r. All warps look for the lowest key that sounds, then the block adds it and looks on above it.
template <int kThreads, int N>
__device__ void nade_sample_row(const NadeSample& s, Index r, const NadeState& state) {
  constexpr Index kWarps = kThreads / 32;
  const Nade& nade = s.nade;
  const NadeOptions& options = s.options;
  const Index K = nade.bias.columns();
  const std::uint8_t* const allowed = s.allowed.empty() ? nullptr : s.allowed.row(r);
  std::uint8_t* const keys = s.keys.row(r);
  const auto random_row = static_cast<std::uint32_t>(s.first_row + r);
  const std::uint32_t first = s.position * static_cast<std::uint32_t>(K);
  for (Index k = threadIdx.x; k < K; k += kThreads) keys[k] = 0;
  const auto draw = [&](Index k) {
    const float z = nade.bias.row(r)[k] + nade_dot<N>(state, nade.key_out.row(k));
    if (options.temperature == 0) return z > 0;
    return uniform_of(s.stream, random_row, first + static_cast<std::uint32_t>(k)) <
           simt::sigmoid(z / options.temperature);
  };
  add_to_state<kThreads>(state, true, nade.hidden.row(r), [](Index, float) {});
  __syncthreads();
  Index begin = 0;
  for (Index sounding = 1;; ++sounding) {
    Index k = begin + threadIdx.x / 32;
    while (k < K && !((allowed == nullptr || allowed[k] != 0) && draw(k))) k += kWarps;
    const Index lowest = -simt::block::max<kThreads>(-k);
    if (lowest >= K) break;
    if (lowest % kThreads == threadIdx.x) keys[lowest] = 1;
    if (sounding == options.max_keys) break;
    add_to_state<kThreads>(state, false, nade.key_in.row(lowest), [](Index, float) {});
    __syncthreads();
    begin = lowest + 1;
  }
}

}  // namespace polonaise::kernels
