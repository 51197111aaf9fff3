#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "tools/cli/toml.h"
#include "tools/compare/results/results.h"

namespace polonaise::tools {

// A comparison's folder:
//   comparison.toml   the options it was called with
//   runs/NAME/        a run of polonaise-train for each combination
//   samples/*.mid     what the models drew, and the real continuations
//   results.json      what was measured so far
//   report.html
class ReportFolder {
 public:
  // The options that a comparison in this folder was begun with; none where there is none yet.
  static std::optional<Config> record(const std::filesystem::path& folder);
  // A new folder, or one that was begun with the same options, of which `options` is the record. Throws io::Error,
  // naming the option, for one begun with others, and for a folder that holds something else.
  static ReportFolder create_or_resume(const std::filesystem::path& folder, const Config& options);
  // Folder that has results. Throws io::Error where it has none.
  static ReportFolder open(const std::filesystem::path& folder);

  const std::filesystem::path& path() const { return folder_; }
  // None before the first save.
  std::optional<Results> load() const;
  // As one step: after a crash the file is as before or as it should be.
  void save(const Results& results) const;
  // report.html, of the results and the pieces of music that they name.
  void render(const Results& results) const;

 private:
  explicit ReportFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path results_file() const { return folder_ / "results.json"; }

  std::filesystem::path folder_;
};

}  // namespace polonaise::tools
