#pragma once

#include <cstddef>

#include "kernels/cuda/device.h"

namespace polonaise {

// Memory of the current card, freed with its owner. Kernels allocate nothing: this is for contexts and for tests.
class CudaMemory {
 public:
  explicit CudaMemory(std::size_t bytes);
  ~CudaMemory();
  CudaMemory(const CudaMemory&) = delete;
  CudaMemory& operator=(const CudaMemory&) = delete;

  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

// Copies on the device's stream, after the kernels launched before. Both wait until the copy is made.
void copy_to_device(const Cuda&, void* device, const void* host, std::size_t bytes);
void copy_to_host(const Cuda&, void* host, const void* device, std::size_t bytes);

}  // namespace polonaise
