#pragma once

#include <type_traits>

#include "kernels/simt/language.h"

// Shared memory, 16-byte aligned. Each block finds it undefined; under emulation it is NaN, and what lies around it
// cannot be touched.
//
//   SHARED(float, tile, [32][33]);             at block scope, of a trivial type; at most 48 KiB together
//   float* rows = simt::dynamic_shared<float>();    as many bytes as the launch's shared_bytes

#ifdef __CUDACC__

#define SHARED(T, name, ...) __shared__ __align__(16) T name __VA_ARGS__

#else

#define SHARED(T, name, ...)                                                                         \
  static_assert(std::is_trivially_default_constructible_v<T>, "shared memory is never constructed"); \
  using name##_shared_type = T __VA_ARGS__;                                                          \
  static const char name##_shared_key = 0;                                                           \
  auto& name = *static_cast<name##_shared_type*>(::polonaise::simt::emulator::shared_memory(         \
      &name##_shared_key, sizeof(name##_shared_type), ::polonaise::simt::Here::current()))

#endif

namespace polonaise::simt {

#ifdef __CUDACC__
template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(128) unsigned char polonaise_dynamic_shared[];
  return reinterpret_cast<T*>(polonaise_dynamic_shared);
}
#else
template <class T>
T* dynamic_shared(Here here = Here::current()) {
  return static_cast<T*>(emulator::dynamic_shared_memory(here));
}
#endif

}  // namespace polonaise::simt
