#pragma once

#include <cstdint>
#include <vector>

#include "io/files/safetensors.h"

namespace polonaise::io {

// The value of a number in IEEE 754's binary16, and in bfloat16, of these bits.
float float_of_half(std::uint16_t bits);
float float_of_bf16(std::uint16_t bits);

// The elements of a tensor of F32, F16 or BF16, exactly, or of F64, each rounded to the nearest float. Error, naming
// the tensor and its type, where it is of another.
std::vector<float> read_floats(const TensorView& tensor);

}  // namespace polonaise::io
