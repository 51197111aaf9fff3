#include "io/files/floats.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "io/files/error.h"

namespace polonaise::io {
namespace {

template <class T, class Convert>
std::vector<float> converted(const TensorView& tensor, const Convert& convert) {
  std::vector<T> values(tensor.data.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  std::vector<float> floats(values.size());
  std::ranges::transform(values, floats.begin(), convert);
  return floats;
}

}  // namespace

float float_of_half(std::uint16_t bits) {
  const float sign = bits & 0x8000 ? -1.0f : 1.0f;
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  if (exponent == 0x1f) {
    return fraction ? std::numeric_limits<float>::quiet_NaN() : sign * std::numeric_limits<float>::infinity();
  }
  // Below the least normal number fractions stand for themselves, without a leading 1.
  return sign * (exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                               : std::ldexp(static_cast<float>(fraction | 0x400), exponent - 25));
}

float float_of_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::vector<float> read_floats(const TensorView& tensor) {
  switch (tensor.dtype) {
    case DType::f32:
      return tensor.read<float>();
    case DType::f64:
      return converted<double>(tensor, [](double value) { return static_cast<float>(value); });
    case DType::f16:
      return converted<std::uint16_t>(tensor, float_of_half);
    case DType::bf16:
      return converted<std::uint16_t>(tensor, float_of_bf16);
    default:
      throw Error(fmt::format("tensor \"{}\" is {}, and parameters are F32, F64, F16 or BF16; convert it first",
                              tensor.name, dtype_name(tensor.dtype)));
  }
}

}  // namespace polonaise::io
