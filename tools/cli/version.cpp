#include "tools/cli/version.h"

#include <fmt/format.h>
#include <zlib.h>

#include <CLI/Version.hpp>
#include <nlohmann/json_fwd.hpp>

#include "kernels/base/info.h"
#include "kernels/cpu/team.h"
#include "runtime/device/cuda_status.h"

namespace polonaise::tools {

std::string_view version() {
  return POLONAISE_VERSION;
}
std::string_view commit() {
  return POLONAISE_COMMIT;
}

std::string version_text(std::string_view program) {
  const std::string blas = kernels::blas();
  return fmt::format(
      "{} {} (commit {})\n"
      "devices: cpu ({} threads, {}), cuda ({})\n"
      "libraries: {}{}Highway {}, CLI11 {}, fmt {}.{}.{}, nlohmann-json {}.{}.{}, zlib {}\n",
      program, version(), commit(), kernels::processors(), kernels::vector_target(), cuda_status(), blas,
      blas.empty() ? "" : ", ", kernels::highway(), CLI11_VERSION, FMT_VERSION / 10000, FMT_VERSION / 100 % 100,
      FMT_VERSION % 100, NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH,
      zlibVersion());
}

}  // namespace polonaise::tools
