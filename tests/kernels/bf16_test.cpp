#include "kernels/base/bf16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace polonaise::testing {
namespace {

float through_bf16(float value) {
  return static_cast<float>(bf16(value));
}

TEST(Bf16, NumbersOfItsOwnPassUnchanged) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto number = bf16::from_bits(static_cast<std::uint16_t>(bits));
    if (std::isnan(static_cast<float>(number))) continue;
    EXPECT_EQ(bf16(static_cast<float>(number)).bits, bits);
  }
}

TEST(Bf16, RoundsToNearestAndTiesToEven) {
  EXPECT_EQ(through_bf16(1.0f + 0x1p-9f), 1.0f);
  EXPECT_EQ(through_bf16(1.0f + 0x1.8p-8f), 1.0f + 0x1p-7f);
  EXPECT_EQ(through_bf16(1.0f + 0x1p-8f), 1.0f);                      // a tie, down to even
  EXPECT_EQ(through_bf16(1.0f + 0x1p-7f + 0x1p-8f), 1.0f + 0x1p-6f);  // a tie, up to even
  EXPECT_EQ(through_bf16(-1.0f - 0x1p-7f - 0x1p-8f), -1.0f - 0x1p-6f);
}

TEST(Bf16, PastTheLargestNumberLiesInfinity) {
  EXPECT_EQ(through_bf16(std::numeric_limits<float>::max()), INFINITY);
  EXPECT_EQ(through_bf16(-INFINITY), -INFINITY);
}

TEST(Bf16, NanStaysNanHoweverSmallItsPayload) {
  EXPECT_TRUE(std::isnan(through_bf16(NAN)));
  EXPECT_TRUE(std::isnan(through_bf16(std::bit_cast<float>(0x7F800001u))));
  EXPECT_TRUE(std::isnan(through_bf16(std::bit_cast<float>(0xFFFFFFFFu))));
}

}  // namespace
}  // namespace polonaise::testing
