#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "tests/style/source_tree.h"

namespace polonaise::testing {
namespace {

// The rooms of ARCHITECTURE.md. A room may include its own files, the rooms named here, and what those may include. A
// name covers the rooms inside it; a file belongs to the innermost room that it stands in.
const std::map<std::string, std::vector<std::string>> kRooms{
    {"kernels/events", {}},
    {"kernels", {"kernels/events"}},
    {"runtime", {"kernels"}},
    {"models", {"runtime"}},
    {"io/files", {}},
    {"io/midi", {"io/files"}},
    {"io/encodings", {"io/midi", "kernels/events"}},
    {"io/data", {"io/encodings"}},
    {"io/baselines", {"io/encodings"}},
    {"io/metrics", {"io/midi"}},
    {"io/copies", {"io/encodings", "io/metrics"}},
    {"tools/cli", {"io/files", "runtime", "tools/jobs"}},
    {"tools/jobs", {"kernels"}},
    {"tools/options", {"tools/cli", "models", "io"}},
    {"tools/training", {"tools/options", "tools/jobs"}},
    {"tools/training/init", {"tools/training"}},
    {"tools/midi", {"tools/cli", "tools/jobs", "io"}},
    {"tools/metrics", {"tools/cli", "tools/jobs", "io"}},
    {"tools/prepare", {"tools/training"}},
    {"tools/sample", {"tools/training"}},
    {"tools/compare/results", {"tools/cli", "tools/jobs", "models"}},
    {"tools/compare/findings", {"tools/compare/results", "tools/training"}},
    {"tools/compare/report", {"tools/compare/findings"}},
    {"tools/compare/study", {"tools/compare/report"}},
    {"tools/recipes", {"tools/compare/report"}},
    {"tools", {"tools", "models", "io"}},
    {"bench", {"tools", "models", "io"}},
    {"tests", {"bench", "tools", "models", "io"}},
};

bool is_in(const std::string& path, const std::string& room) {
  return path == room || path.starts_with(room + "/");
}

// The innermost room of a file or room; empty where there is none.
std::string room_of(const std::string& path) {
  std::string innermost;
  for (const auto& [room, included] : kRooms)
    if (is_in(path, room) && room.size() > innermost.size()) innermost = room;
  return innermost;
}

bool may_include(const std::string& room, const std::string& other) {
  if (room == other) return true;
  const auto entry = kRooms.find(room);
  return entry != kRooms.end() &&
         std::any_of(entry->second.begin(), entry->second.end(), [&](const std::string& below) {
           return is_in(other, below) || (below != room && may_include(below, other));
         });
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) { return text.starts_with(p); });
}

bool is_cuda_header(std::string_view header) {
  return starts_with_any(
      header, {"cuda", "cublas", "cudnn", "curand", "nccl", "nvtx3/", "nvToolsExt", "cooperative_groups", "mma.h",
               "cub/", "thrust/", "cute/", "cutlass/", "driver_types", "vector_types"});
}

// What is wrong with one #include of `path`, or nothing.
std::string fault_of_include(const std::string& path, bool quoted, const std::string& header) {
  if (quoted) {
    const std::string room = room_of(path), other = room_of(header);
    if (room.empty()) return "a file must stand in one of the rooms that this test names";
    if (other.empty() || !may_include(room, other))
      return "an include must name a file of a room that " + room + "/ may use, from the repository's root";
    return "";
  }
  if (is_cuda_header(header) && !starts_with_any(path, {"kernels/cuda/driver/", "kernels/simt/", "bench/"}))
    return "CUDA's headers belong in kernels/cuda/driver/, kernels/simt/ and bench/";
  const bool text_library = starts_with_any(header, {"nlohmann/", "fmt/"}) && header != "nlohmann/json_fwd.hpp";
  if (text_library && !path.ends_with(".cpp")) return "nlohmann-json and fmt belong in .cpp files";
  return "";
}

std::vector<std::string> faults(const Source& source) {
  static const std::regex include(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
  static const std::regex vocabulary(R"re(\basm\s*(volatile\s*)?\(|__shared__)re");
  std::vector<std::string> found;
  const auto lines = lines_of(source.text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto report = [&](const std::string& fault) {
      if (!fault.empty()) found.push_back(source.path + ":" + std::to_string(i + 1) + ": " + fault + ": " + lines[i]);
    };
    std::smatch match;
    if (std::regex_search(lines[i], match, include)) report(fault_of_include(source.path, match[1] == "\"", match[2]));
    if ((lines[i].find("<<<") != std::string::npos || lines[i].find("cudaLaunchKernel") != std::string::npos) &&
        !starts_with_any(source.path, {"kernels/cuda/host/launch.", "kernels/cuda/driver/launch.", "tests/style/"}))
      report("kernels are launched by launch() alone");
    if (std::regex_search(lines[i], vocabulary) &&
        !starts_with_any(source.path,
                         {"kernels/simt/", "kernels/recurrent/cuda/sm90/", "kernels/base/bf16.h", "tests/style/"}))
      report("PTX and __shared__ belong in kernels/simt/, which has a word for the emulator too");
  }
  return found;
}

TEST(Includes, FollowTheTableOfRooms) {
  const auto sources = read_sources();
  ASSERT_GT(sources.size(), 50u);
  for (const auto& source : sources)
    for (const auto& fault : faults(source)) ADD_FAILURE() << fault;
}

TEST(Includes, OfTheRepositoryNameFilesThatExist) {
  const std::regex include("#include \"([^\"]+)\"");
  const auto sources = read_sources();
  std::set<std::string> paths;
  for (const auto& source : sources) paths.insert(source.path);
  for (const auto& source : sources) {
    if (source.path.starts_with("tests/style/")) continue;
    for (std::sregex_iterator match(source.text.begin(), source.text.end(), include), end; match != end; ++match)
      EXPECT_TRUE(paths.contains((*match)[1].str())) << source.path << " includes " << (*match)[1];
  }
}

TEST(Includes, HeadersAreIncludedOnce) {
  for (const auto& source : read_sources()) {
    if (!source.path.ends_with(".h") && !source.path.ends_with(".cuh")) continue;
    if (source.path.ends_with("-inl.h") || source.path.ends_with(".inc")) continue;  // included more than once
    EXPECT_TRUE(source.text.starts_with("#pragma once\n")) << source.path << " must begin with #pragma once";
  }
}

TEST(Includes, EveryRuleFindsItsFault) {
  const auto count = [](const char* path, const char* text) { return faults({path, text}).size(); };
  EXPECT_EQ(count("kernels/a.h", "#include \"runtime/tape.h\"\n"), 1u);
  EXPECT_EQ(count("io/files/a.cpp", "#include \"kernels/base/view.h\"\n"), 1u);
  EXPECT_EQ(count("io/a.cpp", "#include \"io/files/file.h\"\n"), 1u);
  EXPECT_EQ(count("io/data/a.cpp", "#include \"kernels/events/events.h\"\n"), 0u);
  EXPECT_EQ(count("io/data/a.cpp", "#include \"kernels/base/view.h\"\n"), 1u);
  EXPECT_EQ(count("kernels/events/a.h", "#include \"kernels/base/view.h\"\n"), 1u);
  EXPECT_EQ(count("io/midi/a.cpp", "#include \"io/encodings/encoding.h\"\n"), 1u);
  EXPECT_EQ(count("io/data/a.cpp", "#include \"io/files/file.h\"\n"), 0u);
  EXPECT_EQ(count("tools/training/a.cpp", "#include \"tools/training/init/init.h\"\n"), 1u);
  EXPECT_EQ(count("tools/training/init/a.cpp", "#include \"kernels/base/view.h\"\n"), 0u);
  EXPECT_EQ(count("tools/a.cpp", "#include \"tools/sample/opening.h\"\n#include \"models/model.h\"\n"), 0u);
  EXPECT_EQ(count("runtime/a.cpp", "#include \"models/model.h\"\n"), 1u);
  EXPECT_EQ(count("models/a.cpp", "  #  include \"io/files/file.h\"\n"), 1u);
  EXPECT_EQ(count("tools/a.cpp", "#include \"tests/kernels/support.h\"\n"), 1u);
  EXPECT_EQ(count("tools/a.cpp", "#include \"cli.h\"\n"), 1u);
  EXPECT_EQ(count("runtime/device/device.cpp", "#include <cuda_runtime.h>\n"), 1u);
  EXPECT_EQ(count("kernels/cuda/driver/api.cpp", "#include <cuda_runtime.h>\n"), 0u);
  EXPECT_EQ(count("io/data/json.h", "#include <nlohmann/json.hpp>\n#include <fmt/format.h>\n"), 2u);
  EXPECT_EQ(count("io/data/json.h", "#include <nlohmann/json_fwd.hpp>\n"), 0u);
  EXPECT_EQ(count("io/data/json.cpp", "#include <nlohmann/json.hpp>\n#include <fmt/format.h>\n"), 0u);
  EXPECT_EQ(count("kernels/recurrent/cuda/lstm.cu", "kernel<<<grid, block>>>();\n"), 1u);
  EXPECT_EQ(count("kernels/recurrent/cuda/lstm.cu", "cudaLaunchKernelEx(&config, kernel);\n"), 1u);
  EXPECT_EQ(count("kernels/cuda/driver/launch.cpp", "cudaLaunchKernelExC(&config, kernel, arguments);\n"), 0u);
  EXPECT_EQ(count("kernels/recurrent/cuda/lstm.cu", "__shared__ float sum;\n  asm volatile(\"\");\n  asm(\"\");\n"),
            3u);
  EXPECT_EQ(count("kernels/simt/mma.h", "asm volatile(\"\");\n"), 0u);
  EXPECT_EQ(count("tests/a.cpp", "#include \"io/files/file.h\"\n#include <vector>\n"), 0u);
}

}  // namespace
}  // namespace polonaise::testing
