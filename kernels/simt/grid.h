#pragma once

#include "kernels/simt/collective.h"
#include "kernels/simt/flags.h"

// Barriers of more than a block.

namespace polonaise::simt {

// Waits for all threads of a cooperative launch; what each wrote before is seen by all after. `barrier` is one word
// of device memory that starts at 0; launches of one grid size may use it again and again without clearing it.
// Each block counts itself; the last sets the word's top bit to its other value, which the others wait for (as
// cooperative groups do, without their header's compile time).
__device__ inline void grid_sync(unsigned* barrier, Here here = Here::current()) {
  sync_block(here);
  if (threadIdx.x + threadIdx.y + threadIdx.z == 0) {
    constexpr unsigned kTop = 0x80000000u;
    const unsigned blocks = gridDim.x * gridDim.y * gridDim.z;
    const bool first = blockIdx.x + blockIdx.y + blockIdx.z == 0;
    const unsigned before = add_acquire_release(barrier, first ? kTop - (blocks - 1) : 1);
    while (((load_acquire(barrier) ^ before) & kTop) == 0) spin_wait(here);
  }
  sync_block(here);
}

// Thread block clusters (Launch::cluster, compute capability 9.0): neighbouring blocks along x that reach each other's
// shared memory. A launch without them is a cluster of one.
#ifdef __CUDACC__

__device__ inline unsigned cluster_rank() {
  unsigned rank = 0;
#if __CUDA_ARCH__ >= 900
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
#endif
  return rank;
}

__device__ inline unsigned cluster_blocks() {
  unsigned blocks = 1;
#if __CUDA_ARCH__ >= 900
  asm volatile("mov.u32 %0, %%cluster_nctarank;" : "=r"(blocks));
#endif
  return blocks;
}

// A barrier of all threads of the cluster, shared memory included. The last one before a block exits keeps its shared
// memory alive for the others.
__device__ inline void cluster_sync() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
#else
  __syncthreads();
#endif
}

// Returns the address, in the shared memory of the block of that rank, of what `mine` points to in this block's. Before
// the first access all blocks must have passed a cluster_sync().
template <class T>
__device__ T* cluster_shared(T* mine, unsigned rank) {
#if __CUDA_ARCH__ >= 900
  T* theirs;
  asm("mapa.u64 %0, %1, %2;" : "=l"(theirs) : "l"(mine), "r"(rank));
  return theirs;
#else
  return mine;
#endif
}

#else

inline unsigned cluster_rank() {
  return emulator::cluster_rank();
}
inline unsigned cluster_blocks() {
  return emulator::cluster_blocks();
}
inline void cluster_sync(Here here = Here::current()) {
  emulator::sync_cluster(here);
}
template <class T>
T* cluster_shared(T* mine, unsigned rank, Here here = Here::current()) {
  return static_cast<T*>(emulator::shared_of_rank(mine, rank, here));
}

#endif

}  // namespace polonaise::simt
