#include "kernels/cuda/device.h"

#include <cuda_runtime_api.h>

#include <cstdlib>
#include <string_view>

#include "kernels/cuda/check.h"
#include "kernels/cuda/memory.h"

namespace polonaise {
namespace {

constexpr int kOldestMajor = 8;  // compute capability 8.0, the first with matrix products in bf16

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

bool asked_to_synchronise() {
  const char* value = std::getenv("POLONAISE_SYNC");
  return value != nullptr && std::string_view(value) == "1";
}

struct Stream {
  Stream() { check_cuda(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking), "open a stream"); }
  ~Stream() { cudaStreamDestroy(handle); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  cudaStream_t handle = nullptr;
};

}  // namespace

std::string describe(const CudaProperties& card) {
  return card.name + " (compute capability " + std::to_string(card.major) + "." + std::to_string(card.minor) + ", " +
         std::to_string(card.multiprocessors) + " multiprocessors, " + std::to_string(card.memory >> 30) + " GiB)";
}

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

struct Cuda::State {
  explicit State(CudaProperties card) : properties(std::move(card)), synchronous(asked_to_synchronise()) {}

  CudaProperties properties;
  bool synchronous;
  Stream stream;
  CudaMemory partials{kPartials * sizeof(double)};
};

const CudaProperties& Cuda::properties() const {
  return state_->properties;
}
CUstream_st* Cuda::stream() const {
  return state_->stream.handle;
}
bool Cuda::synchronous() const {
  return state_->synchronous;
}
double* Cuda::partials() const {
  return static_cast<double*>(state_->partials.data());
}
void Cuda::make_current() const {
  check_cuda(cudaSetDevice(state_->properties.ordinal), "become the current one");
}

OpenedCuda open_cuda(int ordinal) {
  CudaCards found = find_cuda_cards();
  if (found.cards.empty()) return {std::nullopt, found.reason};
  const int count = static_cast<int>(found.cards.size());
  if (ordinal < 0 || ordinal >= count)
    return {std::nullopt,
            "there is no card " + std::to_string(ordinal) + ", the last is number " + std::to_string(count - 1)};
  CudaProperties& card = found.cards[static_cast<std::size_t>(ordinal)];
  if (card.major < kOldestMajor)
    return {std::nullopt, describe(card) + " is too old, this program needs compute capability " +
                              std::to_string(kOldestMajor) + ".0"};
  try {
    check_cuda(cudaSetDevice(ordinal), "be opened");
    return {Cuda(std::make_shared<const Cuda::State>(std::move(card))), ""};
  } catch (const std::runtime_error& failure) {
    return {std::nullopt, failure.what()};
  }
}

}  // namespace polonaise
