#include "tools/common/device_option.h"

#include <stdexcept>

namespace polonaise::tools {

void declare_device(Cli& cli, std::string& device, int& threads) {
  cli.option("--device", device, "what to compute on: cpu, cuda, cuda:N for card N, or auto for a card if one answers")
      .placeholder("DEVICE");
  cli.option("--threads", threads, "threads of the CPU, 0 for one on each processor; results do not depend on it")
      .range(0, 1024);
}

void declare_precision(Cli& cli, std::string& precision) {
  cli.option("--precision", precision,
             "float; or on a card tf32, for faster products of float matrices, or bf16, for activations of half the "
             "size: weights and losses stay float")
      .choices({"float", "tf32", "bf16"});
}

AnyDevice device_of(const std::string& device, int threads) {
  try {
    return open_device(device, threads);
  } catch (const std::invalid_argument& unknown) {
    throw UsageError(unknown.what());
  }
}

}  // namespace polonaise::tools
