#include "bench/gpu/machine.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <thread>

#ifndef POLONAISE_CUDA_EMULATED
#include <cuda_runtime_api.h>
#endif
#ifdef POLONAISE_HAS_CUDNN
#include "bench/gpu/cudnn.h"
#endif

namespace polonaise::bench {
namespace {

// What a pattern's group matches in a file of the system; "" where there is no such file, or no match.
std::string told_by(const char* file, const std::string& pattern) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  const std::string all = text.str();
  std::smatch match;
  return std::regex_search(all, match, std::regex(pattern)) ? match[1].str() : "";
}

#ifdef POLONAISE_CUDA_EMULATED
std::string cuda_version() {
  return "emulated";
}
#else
std::string cuda_version() {
  const auto text = [](int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  };
  int runtime = 0, driver = 0;
  if (cudaRuntimeGetVersion(&runtime) != cudaSuccess || cudaDriverGetVersion(&driver) != cudaSuccess) return "";
  return text(runtime) + " (the driver knows " + text(driver) + ")";
}
#endif

#ifdef POLONAISE_HAS_CUDNN
std::string cudnn_version() {
  try {
    const std::size_t version = cudnn().cudnnGetVersion();
    return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
           std::to_string(version % 100);
  } catch (const std::exception&) {  // not installed here: its rows will say so
    return "";
  }
}
#else
std::string cudnn_version() {
  return "";
}
#endif

}  // namespace

std::string machine_line(const Cuda& cuda) {
  nlohmann::ordered_json machine;
  const auto tell = [&](const char* what, const std::string& value) {
    if (!value.empty()) machine[what] = value;
  };
  tell("gpu", cuda.properties().name);
  tell("driver", told_by("/proc/driver/nvidia/version", R"(Module\s+(?:for \S+\s+)?([0-9]+\.[0-9.]+))"));
  tell("CUDA", cuda_version());
  tell("cuDNN", cudnn_version());
  tell("CPU", told_by("/proc/cpuinfo", "model name\\s*: ([^\n]*)") + ", " +
                  std::to_string(std::thread::hardware_concurrency()) + " threads");
  tell("OS", told_by("/etc/os-release", "PRETTY_NAME=\"([^\"]*)"));
  return nlohmann::ordered_json{{"machine", machine}}.dump();
}

}  // namespace polonaise::bench
