#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace polonaise {

// A float's upper 16 bits: 8 of exponent, 7 of fraction. It only stores; arithmetic is done in float. Conversions are
// explicit: to bf16 rounds to nearest, ties to even (past the largest number to infinity), and a NaN stays a NaN; to
// float is exact.
struct bf16 {
  std::uint16_t bits;

  bf16() = default;
  constexpr explicit bf16(float value) : bits(round(value)) {}
  constexpr explicit operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

  static constexpr bf16 from_bits(std::uint16_t bits) {
    bf16 value(0.0f);
    value.bits = bits;
    return value;
  }

 private:
  static constexpr std::uint16_t round(float value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    if (!std::is_constant_evaluated()) {
      std::uint16_t rounded;
      asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(rounded) : "f"(value));
      return rounded;
    }
#endif
    const auto word = std::bit_cast<std::uint32_t>(value);
    if ((word & 0x7FFFFFFF) > 0x7F800000) return static_cast<std::uint16_t>((word >> 16) | 0x40);  // quiet
    return static_cast<std::uint16_t>((word + 0x7FFF + (word >> 16 & 1)) >> 16);
  }
};

static_assert(sizeof(bf16) == 2);

}  // namespace polonaise
