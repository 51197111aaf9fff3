#pragma once

#include <cmath>

#include "kernels/simt/language.h"

// Functions whose fast forms are too coarse for float's tolerance of 1e-5 and good enough for what is stored as bf16.
// The exact forms are CUDA's own: expf, tanhf, ...

namespace polonaise::simt {

__device__ inline float sigmoid(float x) {
  return 1.0f / (1.0f + expf(-x));
}

#ifdef __CUDACC__

__device__ inline float fast_exp(float x) {
  return __expf(x);
}
__device__ inline float fast_tanh(float x) {
  float y;
  asm("tanh.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

#else

inline float fast_exp(float x) {
  return std::exp(x);
}
inline float fast_tanh(float x) {
  return std::tanh(x);
}

#endif

__device__ inline float fast_sigmoid(float x) {
  return 0.5f * fast_tanh(0.5f * x) + 0.5f;
}

}  // namespace polonaise::simt
