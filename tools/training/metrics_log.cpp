#include "tools/training/metrics_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>

#include "io/files/error.h"
#include "io/files/file.h"

namespace polonaise::tools {
namespace {

// The lines up to a step, but for the ends of sessions; a line that a crash cut short is none.
std::string lines_until(const std::filesystem::path& file, std::int64_t step) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return "";
  const std::string content = io::read_text(file);
  std::string_view text = content;
  std::string kept;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const auto object = nlohmann::json::parse(line, nullptr, false);
    if (!object.is_object() || object.value("type", "") == "end") continue;
    const auto at = object.find("step");
    if (at == object.end() || !at->is_number_integer() || at->get<std::int64_t>() > step) continue;
    kept.append(line) += '\n';
  }
  return kept;
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& file, std::int64_t resume) : path_(file) {
  io::write_file(file, resume >= 0 ? lines_until(file, resume) : "");
  file_ = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file_ < 0) fail();
}

MetricsLog::~MetricsLog() {
  if (file_ >= 0) ::close(file_);
}

void MetricsLog::write(std::string_view object) {
  std::string line(object);
  line += '\n';
  for (std::size_t at = 0; at < line.size();) {
    const ssize_t written = ::write(file_, line.data() + at, line.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail();
    at += static_cast<std::size_t>(written);
  }
}

void MetricsLog::sync() {
  if (::fdatasync(file_) != 0 && errno != EINVAL && errno != EROFS) fail();
}

void MetricsLog::fail() const {
  throw io::Error(fmt::format("{}: cannot write: {}; what the last checkpoint holds is safe.", path_.string(),
                              std::strerror(errno)));
}

}  // namespace polonaise::tools
