// Philox4x32-10 on vectors: the numbers of kernels/base/random.h, bit for bit. Included like simd-inl.h.
#if defined(POLONAISE_KERNELS_CPU_PHILOX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLONAISE_KERNELS_CPU_PHILOX_INL_H_
#undef POLONAISE_KERNELS_CPU_PHILOX_INL_H_
#else
#define POLONAISE_KERNELS_CPU_PHILOX_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "kernels/base/random.h"
#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

// Fills words with the numbers of the blocks first, first + 1, ... (random_blocks_at_once() of them) of `row`.
#if HWY_TARGET == HWY_SCALAR
inline Index random_blocks_at_once() {
  return 1;
}
inline void random_blocks(const RandomStream& stream, std::uint32_t row, std::uint32_t first, std::uint32_t* words) {
  const Philox4 block = random_words(stream, row, first);
  std::copy(block.begin(), block.end(), words);
}
#else
using Words = hn::ScalableTag<std::uint32_t>;
using WordPairs = hn::ScalableTag<std::uint64_t>;

inline Index random_blocks_at_once() {
  return static_cast<Index>(hn::Lanes(WordPairs()));
}

// Writes blocks of random words. A counter word is the even half of a 64-bit lane, so that one widening product serves
// both halves of a round; the odd halves never reach an even one.
inline void random_blocks(const RandomStream& stream, std::uint32_t row, std::uint32_t first, std::uint32_t* words) {
  const Words d32;
  const WordPairs d64;
  const auto word = [&](std::uint32_t value) { return hn::Set(d32, value); };
  auto counter0 = hn::BitCast(d32, hn::Iota(d64, static_cast<std::uint64_t>(first)));
  auto counter1 = word(row), counter2 = word(stream.op), counter3 = word(stream.step_now());
  auto key0 = static_cast<std::uint32_t>(stream.seed), key1 = static_cast<std::uint32_t>(stream.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const auto product0 = hn::MulEven(counter0, word(0xD2511F53));
    const auto product1 = hn::MulEven(counter2, word(0xCD9E8D57));
    const auto high0 = hn::BitCast(d32, hn::ShiftRight<32>(product0));
    const auto high1 = hn::BitCast(d32, hn::ShiftRight<32>(product1));
    counter0 = hn::Xor(hn::Xor(high1, counter1), word(key0));
    counter1 = hn::BitCast(d32, product1);
    counter2 = hn::Xor(hn::Xor(high0, counter3), word(key1));
    counter3 = hn::BitCast(d32, product0);
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  const auto pair = [&](auto even, auto odd) {  // the even halves of both, side by side
    return hn::BitCast(d64, hn::OddEven(hn::BitCast(d32, hn::ShiftLeft<32>(hn::BitCast(d64, odd))), even));
  };
  hn::StoreInterleaved2(pair(counter0, counter1), pair(counter2, counter3), d64,
                        reinterpret_cast<std::uint64_t*>(words));
}
#endif

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
