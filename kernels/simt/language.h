#pragma once

// CUDA's language for the C++ compiler, by CUDA's own names (CUDA C++ Programming Guide, chapter "C++ Language
// Extensions"). Under nvcc this header is empty.

#ifndef __CUDACC__

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/simt/emulator/lane.h"
#include "kernels/simt/here.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)
#define __restrict__ __restrict

namespace polonaise {

using simt::emulator::blockDim;
using simt::emulator::blockIdx;
using simt::emulator::gridDim;
using simt::emulator::threadIdx;

inline constexpr int warpSize = 32;

inline void __syncthreads(simt::Here here = simt::Here::current()) {
  simt::emulator::sync_block(here);
}

inline void __syncwarp(unsigned mask = ~0u, simt::Here here = simt::Here::current()) {
  simt::emulator::sync_warp(mask, here);
}

namespace simt {

// A value of up to 8 bytes as the word that the emulator passes between lanes.
template <class T>
std::uint64_t to_word(const T& value) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
  std::uint64_t word = 0;
  std::memcpy(&word, &value, sizeof(T));
  return word;
}

template <class T>
T from_word(std::uint64_t word) {
  T value;
  std::memcpy(&value, &word, sizeof(T));
  return value;
}

template <class T>
T shuffled(emulator::WarpOperation operation, unsigned mask, T value, unsigned operand, int width, Here here) {
  return from_word<T>(emulator::shuffle(operation, mask, to_word(value), operand, width, here));
}

}  // namespace simt

template <class T>
T __shfl_sync(unsigned mask, T value, int lane, int width = warpSize, simt::Here here = simt::Here::current()) {
  return simt::shuffled(simt::emulator::WarpOperation::shuffle, mask, value, static_cast<unsigned>(lane), width, here);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned lanes, int width = warpSize,
                 simt::Here here = simt::Here::current()) {
  return simt::shuffled(simt::emulator::WarpOperation::shuffle_up, mask, value, lanes, width, here);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned lanes, int width = warpSize,
                   simt::Here here = simt::Here::current()) {
  return simt::shuffled(simt::emulator::WarpOperation::shuffle_down, mask, value, lanes, width, here);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = warpSize, simt::Here here = simt::Here::current()) {
  return simt::shuffled(simt::emulator::WarpOperation::shuffle_xor, mask, value, static_cast<unsigned>(lanes), width,
                        here);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, simt::Here here = simt::Here::current()) {
  return simt::emulator::ballot(mask, predicate != 0, here);
}
inline int __any_sync(unsigned mask, int predicate, simt::Here here = simt::Here::current()) {
  return simt::emulator::ballot(mask, predicate != 0, here) != 0;
}
inline int __all_sync(unsigned mask, int predicate, simt::Here here = simt::Here::current()) {
  return simt::emulator::ballot(mask, predicate != 0, here) == mask;
}

// Integers only: sums of floats must not depend on the order of arrival. Relaxed, as CUDA's are.
template <class T>
requires std::is_integral_v<T> T atomicAdd(T* address, std::type_identity_t<T> value) {
  return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}
template <class T>
requires std::is_integral_v<T> T atomicExch(T* address, std::type_identity_t<T> value) {
  return __atomic_exchange_n(address, value, __ATOMIC_RELAXED);
}
template <class T>
requires std::is_integral_v<T> T atomicCAS(T* address, std::type_identity_t<T> expected,
                                           std::type_identity_t<T> value) {
  __atomic_compare_exchange_n(address, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return expected;
}
template <class T>
requires std::is_integral_v<T> T atomicMax(T* address, std::type_identity_t<T> value) {
  T old = __atomic_load_n(address, __ATOMIC_RELAXED);
  while (old < value && !__atomic_compare_exchange_n(address, &old, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}
template <class T>
requires std::is_integral_v<T> T atomicMin(T* address, std::type_identity_t<T> value) {
  T old = __atomic_load_n(address, __ATOMIC_RELAXED);
  while (value < old && !__atomic_compare_exchange_n(address, &old, value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}

// A fence orders everything before it with everything after any later fence of the launch: more than CUDA promises.
// Where a flag is passed, the acquire and release of kernels/simt/flags.h say what is meant, and are checked closer.
inline void __threadfence() {
  simt::emulator::fence();
}

inline unsigned __float_as_uint(float x) {
  return std::bit_cast<unsigned>(x);
}
inline float __uint_as_float(unsigned x) {
  return std::bit_cast<float>(x);
}
inline int __float_as_int(float x) {
  return std::bit_cast<int>(x);
}
inline float __int_as_float(int x) {
  return std::bit_cast<float>(x);
}
inline int __popc(unsigned x) {
  return std::popcount(x);
}
inline int __clz(int x) {
  return std::countl_zero(static_cast<unsigned>(x));
}
inline int __ffs(int x) {  // counts from 1; 0 where no bit is set
  return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1;
}
inline float rsqrtf(float x) {
  return 1.0f / std::sqrt(x);
}
template <class T>
T __ldg(const T* address) {
  return *address;
}

}  // namespace polonaise

#endif
