#pragma once

#include "kernels/simt/here.h"
#include "kernels/simt/language.h"

// CUDA's own barriers and shuffles for functions that hand a Here on.

namespace polonaise::simt {

inline constexpr unsigned kWholeWarp = 0xFFFFFFFFu;

__device__ inline void sync_block([[maybe_unused]] Here here = Here::current()) {
#ifdef __CUDACC__
  __syncthreads();
#else
  emulator::sync_block(here);
#endif
}

__device__ inline void sync_warp([[maybe_unused]] Here here = Here::current()) {
#ifdef __CUDACC__
  __syncwarp();
#else
  emulator::sync_warp(kWholeWarp, here);
#endif
}

template <class T>
__device__ T shuffle_xor(unsigned mask, T value, int lanes, [[maybe_unused]] Here here = Here::current()) {
#ifdef __CUDACC__
  return __shfl_xor_sync(mask, value, lanes);
#else
  return __shfl_xor_sync(mask, value, lanes, warpSize, here);
#endif
}

template <class T>
__device__ T shuffle_up(unsigned mask, T value, unsigned lanes, [[maybe_unused]] Here here = Here::current()) {
#ifdef __CUDACC__
  return __shfl_up_sync(mask, value, lanes);
#else
  return __shfl_up_sync(mask, value, lanes, warpSize, here);
#endif
}

}  // namespace polonaise::simt
