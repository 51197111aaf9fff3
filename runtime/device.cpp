#include "runtime/device.h"

#include <omp.h>

#include <algorithm>
#include <stdexcept>

#include "kernels/info.h"
#include "runtime/cuda_status.h"

namespace polonaise {

AnyDevice open_device(std::string_view name, int threads) {
  if (name == "cuda")
    throw std::runtime_error("--device cuda is not to be had, " + cuda_status() + ": use --device cpu");
  if (name != "auto" && name != "cpu")
    throw std::runtime_error("unknown device '" + std::string(name) + "': use auto, cpu or cuda");
  return Cpu{threads > 0 ? threads : std::max(1, omp_get_num_procs())};
}

std::string describe(const AnyDevice& device) {
  const Cpu& cpu = std::get<Cpu>(device);
  return "cpu, " + std::to_string(cpu.threads) + (cpu.threads == 1 ? " thread, " : " threads, ") +
         kernels::vector_target();
}

AnyDevice one_shard(const AnyDevice& device) {
  if (std::holds_alternative<Cpu>(device)) return Cpu{1};
  return device;
}

int shard_threads(const AnyDevice& device) {
  return std::get<Cpu>(device).threads;
}

void unsupported_dtype(DType) {
  throw std::runtime_error("bf16 needs --device cuda");
}

}  // namespace polonaise
