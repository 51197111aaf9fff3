#pragma once

#include "kernels/simt/simt.h"

// The search that gradients of tables share: a row of the table receives from some of many rows, which a block's warps
// examine 32 at a time, one a lane.

namespace polonaise::kernels {

inline constexpr int kGatherWarps = 8;

// sums[n] += weight x[row(lane), column + n] over the lanes that found something, in their order; `weight` is the
// lane's own. The whole warp calls, `inside` says whether the lane's columns are any.
template <int N, class T, class Row>
__device__ void add_found_rows(bool found, float weight, View<const T, 2> x, Row&& row, Index column, bool inside,
                               simt::Floats<N>& sums) {
  constexpr int kAtOnce = 4;  // rows that are on their way together
  unsigned left = __ballot_sync(simt::kWholeWarp, found);
  while (left != 0) {
    simt::Floats<N> values[kAtOnce] = {};
    float weights[kAtOnce] = {};
    for (int i = 0; i < kAtOnce; ++i) {
      if (left == 0) continue;
      const int lane = __ffs(static_cast<int>(left)) - 1;
      left &= left - 1;
      weights[i] = __shfl_sync(simt::kWholeWarp, weight, lane);
      const Index r = row(lane);
      if (inside) values[i] = simt::load_floats<N>(x.row(r) + column);
    }
    for (int i = 0; i < kAtOnce; ++i)
      for (int n = 0; n < N; ++n) sums[n] += weights[i] * values[i][n];
  }
}

// Adds up what the warps of a block have in 32 N columns, from the first warp to the last; calls put(c, sum) for each
// of them once. The whole block calls.
template <int N, class Put>
__device__ void add_warps(const simt::Floats<N>& sums, Put&& put) {
  SHARED(float, of_warps, [kGatherWarps][32 * N]);
  for (int n = 0; n < N; ++n) of_warps[threadIdx.y][threadIdx.x * N + n] = sums[n];
  __syncthreads();
  const Index mine = threadIdx.y * 32 + threadIdx.x;
  if (mine >= 32 * N) return;
  float sum = 0;
  for (const auto& of_warp : of_warps) sum += of_warp[mine];
  put(mine, sum);
}

}  // namespace polonaise::kernels
