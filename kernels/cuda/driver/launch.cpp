#include "kernels/cuda/host/launch.h"

#include <cuda_runtime_api.h>
#include <nvtx3/nvToolsExt.h>

#include <array>
#include <stdexcept>

#include "kernels/cuda/driver/check.h"
#include "kernels/cuda/host/launch_limits.h"

namespace polonaise {
namespace {

constexpr Index kPortableCluster = 8;  // what every card with clusters takes

class Range {
 public:
  explicit Range(const char* name) { nvtxRangePushA(name); }
  ~Range() { nvtxRangePop(); }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
};

dim3 extent(const Extent3& e) {
  return {static_cast<unsigned>(e.x), static_cast<unsigned>(e.y), static_cast<unsigned>(e.z)};
}

// The attributes of a launch, as cudaLaunchKernelExC takes them.
class Attributes {
 public:
  Attributes(const CudaProperties& card, const Launch& shape) {
    if (shape.cluster > 1) {
      auto& dimension = add(cudaLaunchAttributeClusterDimension).clusterDim;
      dimension.x = static_cast<unsigned>(shape.cluster);
      dimension.y = dimension.z = 1;
    }
    if (shape.cooperative) add(cudaLaunchAttributeCooperative).cooperative = 1;
    if (shape.programmatic && card.major >= 9)
      add(cudaLaunchAttributeProgrammaticStreamSerialization).programmaticStreamSerializationAllowed = 1;
  }

  cudaLaunchAttribute* data() { return values_.data(); }
  unsigned count() const { return count_; }

 private:
  cudaLaunchAttributeValue& add(cudaLaunchAttributeID id) {
    cudaLaunchAttribute& attribute = values_[count_++];
    attribute.id = id;
    return attribute.val;
  }

  std::array<cudaLaunchAttribute, 3> values_{};
  unsigned count_ = 0;
};

void check_kernel(cudaError_t error, const char* name, const char* what) {
  if (error != cudaSuccess)
    throw std::runtime_error("the kernel of " + std::string(name) + " " + what + ": " + cuda_error_text(error));
}

// Makes the card ready for the kernel: its card the current one, and its limits as high as the launch needs them.
void prepare(const Cuda& cuda, const char* name, const Launch& shape, const void* kernel) {
  require_limits(cuda.properties(), shape);
  cuda.make_current();
  if (shape.shared_bytes > 0)
    check_kernel(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shape.shared_bytes)),
        name, "cannot have its shared memory");
  if (shape.cluster > kPortableCluster)
    check_kernel(cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1), name,
                 "cannot have its cluster");
}

cudaLaunchConfig_t config_of(const Cuda& cuda, const Launch& shape, Attributes& attributes) {
  cudaLaunchConfig_t config{};
  config.gridDim = extent(shape.grid);
  config.blockDim = extent(shape.block);
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = cuda.stream();
  config.attrs = attributes.data();
  config.numAttrs = attributes.count();
  return config;
}

}  // namespace

Index resident_blocks_untyped(const Cuda& cuda, const Launch& shape, const void* kernel) {
  constexpr const char* kAsked = "cannot tell how many blocks are resident";
  prepare(cuda, "a query", shape, kernel);
  int count = 0;
  if (shape.cluster > 1) {
    Attributes attributes(cuda.properties(), shape);
    const cudaLaunchConfig_t config = config_of(cuda, shape, attributes);
    check_kernel(cudaOccupancyMaxActiveClusters(&count, kernel, &config), "a query", kAsked);
    return count * shape.cluster;
  }
  const int threads = static_cast<int>(shape.block.x * shape.block.y * shape.block.z);
  check_kernel(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&count, kernel, threads, shape.shared_bytes), "a query",
               kAsked);
  return Index{count} * cuda.properties().multiprocessors;
}

void launch_untyped(const Cuda& cuda, const char* name, const Launch& shape, const void* kernel, void** arguments) {
  if (is_empty(shape.grid)) return;
  const Range range(name);
  prepare(cuda, name, shape, kernel);
  Attributes attributes(cuda.properties(), shape);
  const cudaLaunchConfig_t config = config_of(cuda, shape, attributes);
  check_kernel(cudaLaunchKernelExC(&config, kernel, arguments), name, "was not launched");
  if (cuda.synchronous()) check_kernel(cudaStreamSynchronize(cuda.stream()), name, "failed");
}

}  // namespace polonaise
