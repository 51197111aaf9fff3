#pragma once

#include "kernels/simt/here.h"
#include "kernels/simt/language.h"

// Words through which blocks of one launch tell each other that data is ready. Who writes data and then releases a
// word, by a store or by adding to it, shows the data to whoever acquires the word after. Only blocks that are resident
// together (Launch::cooperative, Launch::cluster) may wait for each other.

namespace polonaise::simt {

// Stands in the body of every loop that waits for another thread.
__device__ inline void spin_wait([[maybe_unused]] Here here = Here::current()) {
#ifndef __CUDACC__
  emulator::yield(here);
#endif
}

#ifdef __CUDACC__

__device__ inline unsigned load_acquire(const unsigned* word) {
  unsigned value;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(word) : "memory");
  return value;
}
__device__ inline void store_release(unsigned* word, unsigned value) {
  asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(word), "r"(value) : "memory");
}
// Returns what was there before.
__device__ inline unsigned add_acquire_release(unsigned* word, unsigned value) {
  unsigned before;
  asm volatile("atom.add.acq_rel.gpu.global.u32 %0, [%1], %2;" : "=r"(before) : "l"(word), "r"(value) : "memory");
  return before;
}

#else

inline unsigned load_acquire(const unsigned* word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
inline void store_release(unsigned* word, unsigned value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
inline unsigned add_acquire_release(unsigned* word, unsigned value) {
  return __atomic_fetch_add(word, value, __ATOMIC_ACQ_REL);
}

#endif

}  // namespace polonaise::simt
