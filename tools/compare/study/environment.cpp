#include "tools/compare/study/environment.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <ctime>
#include <fstream>
#include <sstream>

#include "kernels/cpu/team.h"
#include "tools/cli/version.h"

namespace polonaise::tools {
namespace {

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t begin = line.find_first_not_of(" \t", line.find(':') + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

}  // namespace

Environment environment() {
  Environment result;
  result.date = fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)));
  result.processor = processor();
  result.threads = kernels::processors();
  result.version = fmt::format("{} (commit {})", version(), commit());
  std::istringstream text(version_text("polonaise-compare"));
  std::string line;
  std::getline(text, line);  // the version again
  while (std::getline(text, line)) result.libraries.push_back(line);
  return result;
}

std::int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{1024} * usage.ru_maxrss;
}

}  // namespace polonaise::tools
