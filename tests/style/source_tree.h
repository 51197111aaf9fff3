#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace polonaise::testing {

struct Source {
  std::string path;  // from the repository's root
  std::string text;
};

// Every C++ and CUDA file of the rooms, in order of path.
inline std::vector<Source> read_sources() {
  namespace fs = std::filesystem;
  const std::set<std::string> extensions{".h", ".inc", ".cpp", ".cuh", ".cu"};
  const fs::path root = POLONAISE_SOURCE_DIR;
  std::vector<Source> sources;
  for (const char* room : {"kernels", "io", "runtime", "models", "tools", "tests", "bench"})
    for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
      if (!entry.is_regular_file() || !extensions.contains(entry.path().extension().string())) continue;
      std::ostringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      sources.push_back({fs::relative(entry.path(), root).generic_string(), text.str()});
    }
  std::sort(sources.begin(), sources.end(), [](const Source& a, const Source& b) { return a.path < b.path; });
  return sources;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace polonaise::testing
