#include "kernels/base/info.h"

#include <dlfcn.h>

#include <hwy/highway.h>
#include <bit>
#include <cstdint>
#include <string_view>

namespace polonaise::kernels {

std::string vector_target() {
  // Bits of better targets are lower.
  const auto targets = static_cast<std::uint64_t>(hwy::SupportedTargets() & HWY_TARGETS);
  if (targets == 0) return "scalar";
  return hwy::TargetName(std::int64_t{1} << std::countr_zero(targets));
}

std::string blas() {
  // Looked up at run time: which BLAS loads is the system's choice, and only OpenBLAS says what it is.
  using Config = const char* (*)();
  const auto config = reinterpret_cast<Config>(dlsym(RTLD_DEFAULT, "openblas_get_config"));
  if (config == nullptr) return dlsym(RTLD_DEFAULT, "cblas_sgemm") == nullptr ? "" : "BLAS";
  const std::string_view text = config();  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..."
  return std::string(text.substr(0, text.find(' ', text.find(' ') + 1)));
}

std::string highway() {
  return std::to_string(HWY_MAJOR) + "." + std::to_string(HWY_MINOR) + "." + std::to_string(HWY_PATCH);
}

}  // namespace polonaise::kernels
