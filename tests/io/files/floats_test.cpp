#include "io/files/floats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "io/files/error.h"

namespace polonaise::io {
namespace {

TEST(Floats, OfHalfAreExact) {
  // Values of the table "half-precision examples" that IEEE 754 implies: sign, 5 bits of exponent, 10 of fraction.
  EXPECT_EQ(float_of_half(0x3c00), 1.0f);
  EXPECT_EQ(float_of_half(0xc000), -2.0f);
  EXPECT_EQ(float_of_half(0x3555), 0.333251953125f);
  EXPECT_EQ(float_of_half(0x7bff), 65504.0f);            // the largest
  EXPECT_EQ(float_of_half(0x0400), std::ldexp(1, -14));  // the least normal one
  EXPECT_EQ(float_of_half(0x0001), std::ldexp(1, -24));  // the least of all
  EXPECT_EQ(float_of_half(0x83ff), -std::ldexp(1023, -24));
  EXPECT_EQ(float_of_half(0x7c00), std::numeric_limits<float>::infinity());
  EXPECT_EQ(float_of_half(0xfc00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(float_of_half(0x7e00)));
  EXPECT_TRUE(std::signbit(float_of_half(0x8000)));
}

TEST(Floats, OfHalfRiseWithTheirBits) {
  for (int bits = 1; bits <= 0x7c00; ++bits) {
    ASSERT_LT(float_of_half(static_cast<std::uint16_t>(bits - 1)), float_of_half(static_cast<std::uint16_t>(bits)));
  }
}

TEST(Floats, OfBf16AreTheUpperHalvesOfFloats) {
  EXPECT_EQ(float_of_bf16(0x3f80), 1.0f);
  EXPECT_EQ(float_of_bf16(0xc049), -3.140625f);
  EXPECT_EQ(float_of_bf16(0x7f80), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(float_of_bf16(0x7fc0)));
}

TEST(Floats, AreReadFromEveryTypeOfFloats) {
  const std::vector<double> doubles = {1.5, 1e300, 0.1};
  const std::vector<float> floats = {-0.25f};
  const std::vector<std::uint16_t> words = {0x3c00, 0x4000};
  EXPECT_EQ(read_floats(tensor_view<double>("d", doubles)),
            (std::vector<float>{1.5f, std::numeric_limits<float>::infinity(), 0.1f}));
  EXPECT_EQ(read_floats(tensor_view<float>("f", floats)), floats);
  TensorView tensor = tensor_view<std::uint16_t>("w", words);
  tensor.dtype = DType::f16;
  EXPECT_EQ(read_floats(tensor), (std::vector<float>{1, 2}));
  tensor.dtype = DType::bf16;
  EXPECT_EQ(read_floats(tensor), (std::vector<float>{float_of_bf16(0x3c00), 2}));
  tensor.data = {};
  EXPECT_TRUE(read_floats(tensor).empty());
}

TEST(Floats, AreRefusedByNameOfAnotherType) {
  const std::vector<std::int64_t> values = {1};
  try {
    read_floats(tensor_view<std::int64_t>("steps", values));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("\"steps\" is I64"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace polonaise::io
