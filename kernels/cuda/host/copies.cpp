#include "kernels/cuda/host/copies.h"

namespace polonaise {
namespace {

void copy_and_wait(const Cuda& cuda, void* to, const void* from, std::size_t bytes) {
  cuda.make_current();
  copy(cuda.stream(), to, from, bytes);
  synchronise(cuda.stream());
}

}  // namespace

void copy_to_device(const Cuda& cuda, void* device, const void* host, std::size_t bytes) {
  copy_and_wait(cuda, device, host, bytes);
}

void copy_to_host(const Cuda& cuda, void* host, const void* device, std::size_t bytes) {
  copy_and_wait(cuda, host, device, bytes);
}

}  // namespace polonaise
