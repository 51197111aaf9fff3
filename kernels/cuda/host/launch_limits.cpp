#include "kernels/cuda/host/launch_limits.h"

#include "kernels/base/require.h"

namespace polonaise {
namespace {

// CUDA C++ Programming Guide, table "Technical Specifications per Compute Capability".
constexpr Index kMaxGridX = 2147483647, kMaxGridYZ = 65535;
constexpr Index kMaxThreads = 1024, kMaxBlockZ = 64;
constexpr Index kMaxCluster = 16;

}  // namespace

bool is_empty(const Extent3& grid) {
  return grid.x == 0 || grid.y == 0 || grid.z == 0;
}

void require_limits(const CudaProperties& card, const Launch& shape) {
  const auto& [grid, block, shared_bytes, cluster, cooperative, programmatic] = shape;
  require(grid.x > 0 && grid.x <= kMaxGridX && grid.y > 0 && grid.y <= kMaxGridYZ && grid.z > 0 && grid.z <= kMaxGridYZ,
          "a grid has at most 2147483647 x 65535 x 65535 blocks");
  require(block.x > 0 && block.x <= kMaxThreads && block.y > 0 && block.y <= kMaxThreads && block.z > 0 &&
              block.z <= kMaxBlockZ && block.x * block.y * block.z <= kMaxThreads,
          "a block has 1 to 1024 threads, at most 64 along z");
  require(shared_bytes <= card.shared_memory_per_block, "a block asks for more shared memory than the card has");
  require(cluster >= 1 && cluster <= kMaxCluster && grid.x % cluster == 0,
          "a cluster has 1 to 16 blocks and divides the grid along x");
  require(cluster == 1 || card.major >= 9, "clusters need compute capability 9.0");
}

}  // namespace polonaise
