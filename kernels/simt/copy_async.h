#pragma once

#include <cstring>

#include "kernels/simt/language.h"

// Copies from global to shared memory that run beside the thread which asked for them (cp.async, PTX ISA). What they
// bring is there for the thread itself after copy_async_wait(), for the others of its block after a barrier besides.

namespace polonaise::simt {

#ifdef __CUDACC__

// kBytes (4, 8 or 16, both addresses aligned to it) of which the first `valid` come from global memory and the rest are
// 0. Where `valid` is 0 nothing is read.
template <int kBytes>
__device__ void copy_async(void* shared, const void* global, unsigned valid = kBytes) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
  const auto to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  if constexpr (kBytes == 16)  // past the first-level cache
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(valid) : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(global), "n"(kBytes), "r"(valid)
                 : "memory");
}

// Makes one group of the thread's copies since the last one.
__device__ inline void copy_async_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

// Waits until at most kPending of the thread's latest groups are still under way.
template <int kPending>
__device__ void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

#else

template <int kBytes>
void copy_async(void* shared, const void* global, unsigned valid = kBytes, Here here = Here::current()) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
  if (reinterpret_cast<std::uintptr_t>(shared) % kBytes != 0 || reinterpret_cast<std::uintptr_t>(global) % kBytes != 0)
    emulator::fail("copy_async() with an address that is not aligned to its size", here);
  if (valid > kBytes) emulator::fail("copy_async() of more valid bytes than it copies", here);
  // These reads report an address out of bounds here, not at the wait.
  const volatile char *const source = static_cast<const char*>(global), *const target = static_cast<char*>(shared);
  for (unsigned i = 0; i < valid; ++i) (void)source[i];
  for (unsigned i = 0; i < kBytes; ++i) (void)target[i];
  emulator::start_copy({shared, global, kBytes, valid});
}

inline void copy_async_commit() {
  emulator::commit_copies();
}

template <int kPending>
void copy_async_wait() {
  for (emulator::Copy copy; emulator::next_copy(kPending, copy);) {
    std::memset(copy.to, 0, copy.bytes);
    std::memcpy(copy.to, copy.from, copy.valid);
  }
}

#endif

}  // namespace polonaise::simt
