#include "kernels/base/random.h"

#include <gtest/gtest.h>

#include <vector>

namespace polonaise::testing {
namespace {

using kernels::Philox4;

// The known answers for philox4x32_10 in Random123's kat_vectors: zeros, ones, and the digits of pi.
TEST(Philox, GivesTheKnownAnswersOfRandom123) {
  EXPECT_EQ(kernels::philox4x32({0, 0, 0, 0}, 0, 0), (Philox4{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(kernels::philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, 0xffffffff, 0xffffffff),
            (Philox4{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(kernels::philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0),
            (Philox4{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, IsAConstantExpression) {
  static_assert(kernels::philox4x32({0, 0, 0, 0}, 0, 0)[0] == 0x6627e8d5);
}

TEST(RandomStream, PlacesBlockRowOpStepAndSeedInCounterAndKey) {
  const kernels::RandomStream stream{.seed = 0x299f31d0a4093822, .step = 0x03707344, .op = 0x13198a2e};
  const auto words = kernels::random_words(stream, 0x85a308d3, 0x243f6a88);
  EXPECT_EQ(words, (Philox4{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, UniformReadsOneWordOfAPositionsBlock) {
  const kernels::RandomStream stream{7, 8, 9};
  for (std::uint32_t position = 0; position < 23; ++position)
    EXPECT_EQ(kernels::uniform(stream, 3, position),
              kernels::uniform(kernels::random_words(stream, 3, position / 4)[position % 4]));
  EXPECT_EQ(kernels::uniform(0), 0.0f);
  EXPECT_EQ(kernels::uniform(0x80000000), 0.5f);
  EXPECT_LT(kernels::uniform(0xffffffff), 1.0f);
}

TEST(RandomStream, NumbersFillTheUnitIntervalEvenly) {
  constexpr int kBins = 64, kDraws = 64 * 1000;
  std::vector<int> counts(kBins);
  for (std::uint32_t i = 0; i < kDraws; ++i)
    ++counts[static_cast<std::size_t>(kernels::uniform({1, 0, 0}, i / 100, i % 100) * kBins)];
  double chi_square = 0;
  for (int count : counts) chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi_square, 103.4);  // 63 degrees of freedom, one in a thousand
  EXPECT_GT(chi_square, 34.0);   // nor suspiciously even
}

}  // namespace
}  // namespace polonaise::testing
