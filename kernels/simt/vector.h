#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "kernels/base/bf16.h"
#include "kernels/base/view.h"
#include "kernels/simt/here.h"
#include "kernels/simt/language.h"

// Wide accesses: N neighbouring elements by one instruction, 2 to 16 bytes, from an address aligned to their size.

namespace polonaise::simt {

template <class T, int N>
struct alignas(sizeof(T) * N) Vector {
  static_assert(std::has_single_bit(sizeof(T) * N) && sizeof(T) * N <= 16);
  T values[N];
  constexpr T& operator[](int i) { return values[i]; }
  constexpr const T& operator[](int i) const { return values[i]; }
};

#ifndef __CUDACC__
inline void check_aligned(const void* address, std::size_t bytes, Here here) {
  if (reinterpret_cast<std::uintptr_t>(address) % bytes != 0)
    emulator::fail("a wide access to an address that is not aligned to its size", here);
}
#endif

// How many T one access of 16 bytes takes.
template <class T>
inline constexpr int kWide = 16 / static_cast<int>(sizeof(T));

// Whether every row of the view, which may be empty, can be read kWide<T> elements at a time.
template <class T, int D>
bool is_wide(const View<T, D>& view) {
  constexpr Index kElements = kWide<std::remove_const_t<T>>;
  return view.columns() % kElements == 0 && view.stride() % kElements == 0 &&
         reinterpret_cast<std::uintptr_t>(view.data()) % 16 == 0;
}

template <int N, class T>
__device__ Vector<T, N> load(const T* address, [[maybe_unused]] Here here = Here::current()) {
#ifdef __CUDACC__
  return *reinterpret_cast<const Vector<T, N>*>(address);
#else
  check_aligned(address, sizeof(T) * N, here);
  Vector<T, N> vector;
  std::memcpy(&vector, address, sizeof vector);
  return vector;
#endif
}

template <class T, int N>
__device__ void store(T* address, const Vector<T, N>& vector, [[maybe_unused]] Here here = Here::current()) {
#ifdef __CUDACC__
  *reinterpret_cast<Vector<T, N>*>(address) = vector;
#else
  check_aligned(address, sizeof(T) * N, here);
  std::memcpy(address, &vector, sizeof vector);
#endif
}

// Converts an element of either type to float, and back.
__device__ inline float to_float(float value) {
  return value;
}
__device__ inline float to_float(bf16 value) {
  return static_cast<float>(value);
}
template <class T>
__device__ T from_float(float value) {
  return static_cast<T>(value);
}

// N elements of either kind as the floats that kernels calculate with.
template <int N>
struct Floats {
  float values[N];
  constexpr float& operator[](int i) { return values[i]; }
  constexpr const float& operator[](int i) const { return values[i]; }
};

template <int N, class T>
__device__ Floats<N> load_floats(const T* address, Here here = Here::current()) {
  const Vector<T, N> vector = load<N>(address, here);
  Floats<N> floats;
  for (int i = 0; i < N; ++i) floats[i] = to_float(vector[i]);
  return floats;
}

template <int N, class T>
__device__ void store_floats(T* address, const Floats<N>& floats, Here here = Here::current()) {
  Vector<T, N> vector;
  for (int i = 0; i < N; ++i) vector[i] = from_float<T>(floats[i]);
  store(address, vector, here);
}

}  // namespace polonaise::simt
