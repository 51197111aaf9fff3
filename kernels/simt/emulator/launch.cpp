#include "kernels/cuda/host/launch.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "kernels/cuda/host/launch_limits.h"
#include "kernels/simt/emulator/grid.h"
#include "kernels/simt/emulator/sanitizers.h"
#include "kernels/simt/emulator/stream.h"

namespace polonaise {
namespace {

namespace emulator = simt::emulator;

constexpr Index kThreadsPerMultiprocessor = 2048;
constexpr Index kSystemShared = 1024;  // of each block, CUDA's own
constexpr Index kTsanThreads = 2048;   // ThreadSanitizer ends at 8,128 fibers, and each takes 0.8 MB

Index volume(const Extent3& e) {
  return e.x * e.y * e.z;
}

emulator::Extent extent(const Extent3& e) {
  return {static_cast<unsigned>(e.x), static_cast<unsigned>(e.y), static_cast<unsigned>(e.z)};
}

Index resident_blocks_of_card(const Cuda& cuda, const Launch& shape) {
  const Index shared = static_cast<Index>(shape.shared_bytes) + kSystemShared;
  const Index per_multiprocessor =
      std::min(kThreadsPerMultiprocessor / volume(shape.block),
               static_cast<Index>(cuda.properties().shared_memory_per_multiprocessor) / shared);
  return per_multiprocessor * cuda.properties().multiprocessors;
}

void require_residence(const Cuda& cuda, const char* name, const Launch& shape) {
  const Index threads = volume(shape.block);
  const Index resident = shape.cooperative ? volume(shape.grid) : shape.cluster;
  if (resident > resident_blocks_of_card(cuda, shape))
    throw std::runtime_error("the kernel of " + std::string(name) +
                             " was not launched: more blocks than can be resident at once");
  if (emulator::kThreadSanitizer && resident * threads > kTsanThreads)
    throw std::runtime_error("the kernel of " + std::string(name) + " was not launched: under ThreadSanitizer " +
                             std::to_string(kTsanThreads) + " threads can be resident at once");
}

// POLONAISE_SIMT_FAIL_LAUNCH=N: which of the process's launches fails as one on a card may, 0 for none.
long failing_launch() {
  static const char* const asked = std::getenv("POLONAISE_SIMT_FAIL_LAUNCH");
  static const long number = asked ? std::atol(asked) : 0;
  return number;
}

void fail_where_asked(const char* name) {
  static long launched = 0;
  if (++launched != failing_launch()) return;
  emulator::lose_card();
  throw std::runtime_error("the kernel of " + std::string(name) +
                           " failed, as POLONAISE_SIMT_FAIL_LAUNCH=" + std::to_string(launched) + " asks");
}

}  // namespace

Index resident_blocks_emulated(const Cuda& cuda, const Launch& shape) {
  Index blocks = resident_blocks_of_card(cuda, shape);
  if (emulator::kThreadSanitizer) blocks = std::min(blocks, kTsanThreads / volume(shape.block));
  return blocks / shape.cluster * shape.cluster;
}

void launch_emulated(const Cuda& cuda, const char* name, const Launch& shape,
                     std::shared_ptr<const EmulatedThread> thread) {
  if (is_empty(shape.grid)) return;
  require_limits(cuda.properties(), shape);
  require_residence(cuda, name, shape);
  cuda.stream()->queue([name, shape, thread = std::move(thread)] {
    fail_where_asked(name);
    emulator::Grid grid;
    grid.name = name;
    grid.blocks = extent(shape.grid);
    grid.threads = extent(shape.block);
    grid.dynamic_bytes = shape.shared_bytes;
    grid.cluster = static_cast<unsigned>(shape.cluster);
    grid.cooperative = shape.cooperative;
    grid.thread = thread.get();
    emulator::run(grid);
  });
  if (cuda.synchronous()) synchronise(cuda.stream());
}

}  // namespace polonaise
