#include "tools/compare/study/folder.h"

#include <fmt/format.h>

#include <string>
#include <system_error>
#include <vector>

#include "io/files/error.h"
#include "io/files/file.h"
#include "tools/cli/files.h"
#include "tools/compare/findings/conclusion.h"
#include "tools/compare/report/report.h"
#include "tools/compare/study/options.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOptions = "comparison.toml";

std::string text_of(const Value* value) {
  return value == nullptr ? "unset" : value->toml();
}

void check_same(const Config& before, const Config& now, const fs::path& folder) {
  const auto check = [&](const Config& from) {
    for (const Setting& setting : from.settings) {
      const Value* old = before.find(setting.key);
      const Value* other = now.find(setting.key);
      if (old != nullptr && other != nullptr && *old == *other) continue;
      throw io::Error(fmt::format(
          "{} holds a comparison with other options: {} is {} there, and {} now; give the same to go on with "
          "it, or name another folder with -o.",
          folder.string(), setting.key, text_of(old), text_of(other)));
    }
  };
  check(now);
  check(before);
}

}  // namespace

std::optional<Config> ReportFolder::record(const fs::path& folder) {
  std::error_code ignored;
  const fs::path file = folder / kOptions;
  if (!fs::exists(file, ignored)) return std::nullopt;
  return record_of(load_config(file), file.string());
}

ReportFolder ReportFolder::create_or_resume(const fs::path& folder, const Config& options) {
  try {
    if (fs::exists(folder / kOptions)) {
      check_same(record_of(load_config(folder / kOptions), (folder / kOptions).string()), options, folder);
      return ReportFolder(folder);
    }
    if (fs::exists(folder) && !(fs::is_directory(folder) && fs::is_empty(folder))) {
      throw io::Error(fmt::format("{} exists and holds no comparison; name another folder with -o.", folder.string()));
    }
    require_folder_of(folder);
    fs::create_directory(folder);
    fs::create_directory(folder / "runs");
    fs::create_directory(folder / "samples");
    io::write_file(folder / kOptions, options.toml());
  } catch (const fs::filesystem_error& error) {
    throw io::Error(fmt::format("{}: cannot make the report's folder: {}.", folder.string(), error.code().message()));
  }
  return ReportFolder(folder);
}

ReportFolder ReportFolder::open(const fs::path& folder) {
  ReportFolder report(folder);
  std::error_code ignored;
  if (!fs::exists(report.results_file(), ignored)) {
    throw io::Error(
        fmt::format("{}: has no results.json to render; name the folder of a comparison.", folder.string()));
  }
  return report;
}

std::optional<Results> ReportFolder::load() const {
  std::error_code ignored;
  if (!fs::exists(results_file(), ignored)) return std::nullopt;
  return from_json(io::read_text(results_file()), results_file().string());
}

void ReportFolder::save(const Results& results) const {
  io::write_file(results_file(), to_json(results, conclusion(results)));
}

void ReportFolder::render(const Results& results) const {
  io::write_file(folder_ / "report.html", report_html(results, folder_));
}

}  // namespace polonaise::tools
