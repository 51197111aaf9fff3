#include "tools/training/course.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <system_error>

#include "io/files/file.h"

namespace polonaise::tools {

Course read_course(const std::filesystem::path& metrics_file) {
  Course course;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(metrics_file, ignored)) return course;
  const std::string content = io::read_text(metrics_file);
  std::string_view text = content;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    const auto line = nlohmann::json::parse(text.substr(0, end), nullptr, false);
    text.remove_prefix(end + 1);
    if (!line.is_object()) continue;
    bool whole = true;
    for (const char* key : {"step", "targets", "seconds", "loss"}) whole &= line.contains(key) && line[key].is_number();
    const std::string type = line.value("type", "");
    if (!whole || (type != "train" && type != "validation")) continue;
    auto& points = type == "train" ? course.training : course.validation;
    points.push_back({line["step"], line["targets"], line["seconds"], line["loss"]});
  }
  return course;
}

}  // namespace polonaise::tools
