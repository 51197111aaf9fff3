#include "tools/options/device_option.h"

#include <fmt/format.h>

#include <cstdio>
#include <stdexcept>

#include "tools/jobs/message.h"

namespace polonaise::tools {

void declare_device(Cli& cli, std::string& device, int& threads) {
  cli.option("--device", device, "what to compute on: cpu, cuda, cuda:N for GPU N, or auto for a GPU if there is one")
      .placeholder("DEVICE");
  cli.option("--threads", threads, "threads of the CPU, 0 for one on each processor; results do not depend on it")
      .range(0, 1024);
}

void declare_precision(Cli& cli, std::string& precision) {
  cli.option("--precision", precision,
             "float; or on a GPU tf32, for faster products of float matrices, or bf16, for activations of half the "
             "size: weights and losses stay float")
      .choices({"float", "tf32", "bf16"});
}

AnyDevice device_of(const std::string& device, int threads) {
  try {
    if (device != "auto") return open_device(device, threads);
    const BestDevice best = open_best_device(threads);
    if (!best.passed_over.empty())
      write_message(fmt::format("--device auto takes the CPU, as no GPU can be used: {}\n", best.passed_over));
    return best.device;
  } catch (const std::invalid_argument& unknown) {
    throw UsageError(unknown.what());
  }
}

}  // namespace polonaise::tools
