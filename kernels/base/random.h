#pragma once

#include <array>
#include <cstdint>

namespace polonaise::kernels {

// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2,
// 3", SC'11). A number is a pure function of the seed and of where it is used, so results depend neither on the number
// of threads nor on how a batch is cut into shards, and a resumed run needs no generator's state.

// The place where random numbers are used: words of Philox's counter. A row of the batch owns a whole sequence of
// positions.
struct RandomStream {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;  // step of the optimizer, or of the sampler
  std::uint32_t op = 0;    // which op of the step
  // The address of the step, in the memory of the device that draws, used instead of `step`: a replayed launch then
  // draws the numbers of its own step.
  const std::uint32_t* step_at = nullptr;

  constexpr bool operator==(const RandomStream&) const = default;
  constexpr std::uint32_t step_now() const { return step_at != nullptr ? *step_at : step; }
};

using Philox4 = std::array<std::uint32_t, 4>;

constexpr Philox4 philox4x32(Philox4 counter, std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key0, static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key1, static_cast<std::uint32_t>(product0)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

// Returns the four words for positions 4*block .. 4*block+3 of `row`.
constexpr Philox4 random_words(const RandomStream& stream, std::uint32_t row, std::uint32_t block) {
  return philox4x32({block, row, stream.op, stream.step_now()}, static_cast<std::uint32_t>(stream.seed),
                    static_cast<std::uint32_t>(stream.seed >> 32));
}

// Returns a number in [0, 1) with 24 bits.
constexpr float uniform(std::uint32_t word) {
  return static_cast<float>(word >> 8) * 0x1p-24f;
}

constexpr float uniform(const RandomStream& stream, std::uint32_t row, std::uint32_t position) {
  return uniform(random_words(stream, row, position / 4)[position % 4]);
}

}  // namespace polonaise::kernels
