#pragma once

#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

namespace polonaise {

// "out of memory (CUDA error 2)"
inline std::string cuda_error_text(cudaError_t error) {
  return std::string(cudaGetErrorString(error)) + " (CUDA error " + std::to_string(static_cast<int>(error)) + ")";
}

// Throws "the card could not WHAT: ..." where a call of CUDA's failed.
inline void check_cuda(cudaError_t error, const char* what) {
  if (error != cudaSuccess)
    throw std::runtime_error("the card could not " + std::string(what) + ": " + cuda_error_text(error));
}

}  // namespace polonaise
