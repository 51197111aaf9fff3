#pragma once

#include "kernels/simt/collective.h"
#include "kernels/simt/here.h"
#include "kernels/simt/shared.h"

// Sums and maxima of a warp or a block, which every thread gets. The order of addition is fixed, and the result the
// same bits in every thread. All threads of the warp, or of a block of kThreads along x, call together.

namespace polonaise::simt {

struct Sum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

struct Max {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

namespace warp {

// Neighbours first, then pairs of pairs: both of a pair add the same two numbers.
template <class Operation, class T>
__device__ T reduce(T value, Here here) {
  for (int lanes = 1; lanes < 32; lanes *= 2) value = Operation()(value, shuffle_xor(kWholeWarp, value, lanes, here));
  return value;
}

template <class T>
__device__ T sum(T value, Here here = Here::current()) {
  return reduce<Sum>(value, here);
}

template <class T>
__device__ T max(T value, Here here = Here::current()) {
  return reduce<Max>(value, here);
}

// The sum of the lanes up to this one, itself included.
template <class T>
__device__ T running_sum(T value, [[maybe_unused]] Here here = Here::current()) {
  for (unsigned lanes = 1; lanes < 32; lanes *= 2) {
    const T before = shuffle_up(kWholeWarp, value, lanes, here);
    if (threadIdx.x % 32 >= lanes) value += before;
  }
  return value;
}

}  // namespace warp

namespace block {

// Makes what the threads wrote visible to all of them. A block of one warp, or a warp that works as one, needs no
// barrier of the block.
template <int kThreads>
__device__ void sync(Here here = Here::current()) {
  if constexpr (kThreads == 32)
    sync_warp(here);
  else
    sync_block(here);
}

// Reduces each warp, then the results from the first warp to the last.
template <int kThreads, class Operation, class T>
__device__ T reduce(T value, Here here) {
  static_assert(kThreads % 32 == 0);
  constexpr unsigned kWarps = kThreads / 32;
  value = warp::reduce<Operation>(value, here);
  if constexpr (kWarps == 1) return value;
  SHARED(T, of_warps, [kWarps]);
  if (threadIdx.x % 32 == 0) of_warps[threadIdx.x / 32] = value;
  sync_block(here);
  T result = of_warps[0];
  for (unsigned w = 1; w < kWarps; ++w) result = Operation()(result, of_warps[w]);
  sync_block(here);  // the next call writes again
  return result;
}

template <int kThreads, class T>
__device__ T sum(T value, Here here = Here::current()) {
  return reduce<kThreads, Sum>(value, here);
}

template <int kThreads, class T>
__device__ T max(T value, Here here = Here::current()) {
  return reduce<kThreads, Max>(value, here);
}

// The sums of the threads up to this one, itself included, and without it.
template <class T>
struct RunningSum {
  T before, including;
};
template <int kThreads, class T>
__device__ RunningSum<T> running_sum(T value, Here here = Here::current()) {
  static_assert(kThreads % 32 == 0);
  constexpr unsigned kWarps = kThreads / 32;
  const T including = warp::running_sum(value, here);
  const T neighbour = shuffle_up(kWholeWarp, including, 1, here);
  RunningSum<T> sum{threadIdx.x % 32 == 0 ? T(0) : neighbour, including};
  if constexpr (kWarps == 1) return sum;
  SHARED(T, of_warps, [kWarps]);
  if (threadIdx.x % 32 == 31) of_warps[threadIdx.x / 32] = including;
  sync_block(here);
  T earlier = 0;
  for (unsigned w = 0; w < threadIdx.x / 32; ++w) earlier += of_warps[w];
  sync_block(here);  // the next call writes again
  return {earlier + sum.before, earlier + sum.including};
}

}  // namespace block

}  // namespace polonaise::simt
