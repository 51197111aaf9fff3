#pragma once

#include "kernels/random.h"
#include "kernels/simt/language.h"

namespace polonaise::kernels {

// uniform(stream, row, position) of kernels/random.h, without an index that is known only when it runs: it would put
// the four words into local memory. Who uses all four takes random_words itself.
__device__ inline float uniform_of(const RandomStream& stream, std::uint32_t row, std::uint32_t position) {
  const Philox4 words = random_words(stream, row, position / 4);
  const bool odd = position % 2 != 0;
  const std::uint32_t low = odd ? words[1] : words[0], high = odd ? words[3] : words[2];
  return uniform(position % 4 < 2 ? low : high);
}

}  // namespace polonaise::kernels
