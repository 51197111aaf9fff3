#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/base/random.h"
#include "kernels/base/view.h"
#include "kernels/simt/language.h"

namespace polonaise::kernels {

// Dropout's decision on an element (kernels/pointwise/pointwise.h): it is kept where uniform(word) >= p, in the 24 bits
// that the number is made of.
struct Keep {
  std::uint32_t least = 0;
  float scale = 1;

  __device__ bool keeps(std::uint32_t word) const { return word >> 8 >= least; }
  __device__ float operator()(std::uint32_t word, float value) const { return keeps(word) ? scale * value : 0; }
};

inline Keep keep_of(float p) {
  return {static_cast<std::uint32_t>(std::ceil(p * 0x1p24f)), 1 / (1 - p)};
}

// The stream as a kernel uses it again and again: the step, which may stand in memory, is read once.
__device__ inline RandomStream at_this_step(RandomStream stream) {
  stream.step = stream.step_now();
  stream.step_at = nullptr;
  return stream;
}

}  // namespace polonaise::kernels
