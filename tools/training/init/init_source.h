#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "io/files/safetensors.h"
#include "tools/training/run.h"

namespace polonaise::tools {

// A file that --init names, opened.
struct InitSource {
  std::string name;        // for the user
  io::SafeTensors file;    // whole; with our checksum, where it is ours
  std::optional<Run> run;  // where the file is a run's checkpoint
};

// `path` is a run's folder, which stands for its best checkpoint; a checkpoint's folder; or a safetensors file, of a
// checkpoint or by whatever program. Throws io::Error, naming it, for what is none of these or is damaged.
InitSource open_init(const std::filesystem::path& path);

}  // namespace polonaise::tools
