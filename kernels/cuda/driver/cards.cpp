#include <cuda_runtime_api.h>

#include "kernels/cuda/driver/check.h"
#include "kernels/cuda/host/context.h"
#include "kernels/cuda/host/refusal.h"

namespace polonaise {
namespace {

CudaRefusal why_none(cudaError_t error) {
  DriverAnswer answer{.driver = 0, .needed = CUDART_VERSION};
  if (cudaDriverGetVersion(&answer.driver) != cudaSuccess) answer.driver = 0;
  answer.too_old = error == cudaErrorInsufficientDriver;
  if (!answer.too_old && error != cudaErrorNoDevice) answer.failure = cuda_error_text(error);
  return why_no_card(answer);
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
  if (error != cudaSuccess) return {why_none(error), {}};
  if (count == 0) return {why_none(cudaErrorNoDevice), {}};
  CudaCards found;
  try {
    for (int ordinal = 0; ordinal < count; ++ordinal) found.cards.push_back(properties_of(ordinal));
  } catch (const std::runtime_error& failure) {
    return {{failure.what(), true}, {}};
  }
  return found;
}

}  // namespace polonaise
