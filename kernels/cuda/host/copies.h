#pragma once

#include <cstddef>

#include "kernels/cuda/host/api.h"
#include "kernels/cuda/host/context.h"

namespace polonaise {

// Copies on the device's stream, after the kernels launched before. Both wait until the copy is made.
void copy_to_device(const Cuda&, void* device, const void* host, std::size_t bytes);
void copy_to_host(const Cuda&, void* host, const void* device, std::size_t bytes);

}  // namespace polonaise
