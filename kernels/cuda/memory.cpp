#include "kernels/cuda/memory.h"

#include <cuda_runtime_api.h>

#include "kernels/cuda/check.h"

namespace polonaise {
namespace {

void copy(const Cuda& cuda, void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  cuda.make_current();
  check_cuda(cudaMemcpyAsync(to, from, bytes, kind, cuda.stream()), "copy memory");
  check_cuda(cudaStreamSynchronize(cuda.stream()), "finish the work before a copy");
}

}  // namespace

CudaMemory::CudaMemory(std::size_t bytes) {
  const cudaError_t error = cudaMalloc(&data_, bytes);
  if (error == cudaSuccess) return;
  const std::string request = "the card could not give " + std::to_string(bytes) + " bytes";
  std::size_t free = 0, total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) throw std::runtime_error(request + ": " + cuda_error_text(error));
  throw std::runtime_error(request + " (" + std::to_string(free) + " of " + std::to_string(total) +
                           " are free): " + cuda_error_text(error));
}

CudaMemory::~CudaMemory() {
  cudaFree(data_);
}

void copy_to_device(const Cuda& cuda, void* device, const void* host, std::size_t bytes) {
  copy(cuda, device, host, bytes, cudaMemcpyHostToDevice);
}

void copy_to_host(const Cuda& cuda, void* host, const void* device, std::size_t bytes) {
  copy(cuda, host, device, bytes, cudaMemcpyDeviceToHost);
}

}  // namespace polonaise
