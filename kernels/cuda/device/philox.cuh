#pragma once

#include "kernels/base/random.h"
#include "kernels/simt/language.h"

namespace polonaise::kernels {

// words[position % 4], without an index that is known only when it runs: it would put the words into local memory.
__device__ inline std::uint32_t word_at(const Philox4& words, std::uint32_t position) {
  const bool odd = position % 2 != 0;
  const std::uint32_t low = odd ? words[1] : words[0], high = odd ? words[3] : words[2];
  return position % 4 < 2 ? low : high;
}

// uniform(stream, row, position) of kernels/base/random.h. Who uses all four words of a block takes random_words
// itself.
__device__ inline float uniform_of(const RandomStream& stream, std::uint32_t row, std::uint32_t position) {
  return uniform(word_at(random_words(stream, row, position / 4), position));
}

}  // namespace polonaise::kernels
