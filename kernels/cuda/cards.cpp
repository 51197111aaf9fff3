#include <cuda_runtime_api.h>

#include "kernels/cuda/check.h"
#include "kernels/cuda/device.h"

namespace polonaise {
namespace {

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string why_none(cudaError_t error) {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) return "there is no NVIDIA driver";
  if (error == cudaErrorInsufficientDriver)
    return "the NVIDIA driver knows CUDA " + version_text(driver) + ", this program needs " +
           version_text(CUDART_VERSION);
  if (error == cudaErrorNoDevice) return "the NVIDIA driver finds no card";
  return "the NVIDIA driver reports: " + cuda_error_text(error);
}

CudaProperties properties_of(int ordinal) {
  cudaDeviceProp card;
  check_cuda(cudaGetDeviceProperties(&card, ordinal), "tell its properties");
  return {.ordinal = ordinal,
          .name = card.name,
          .major = card.major,
          .minor = card.minor,
          .multiprocessors = card.multiProcessorCount,
          .shared_memory_per_block = card.sharedMemPerBlockOptin,
          .shared_memory_per_multiprocessor = card.sharedMemPerMultiprocessor,
          .memory = card.totalGlobalMem};
}

}  // namespace

CudaCards find_cuda_cards() {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) return {{}, why_none(error)};
  if (count == 0) return {{}, "the NVIDIA driver finds no card"};
  CudaCards found;
  try {
    for (int ordinal = 0; ordinal < count; ++ordinal) found.cards.push_back(properties_of(ordinal));
  } catch (const std::runtime_error& failure) {
    return {{}, failure.what()};
  }
  return found;
}

}  // namespace polonaise
