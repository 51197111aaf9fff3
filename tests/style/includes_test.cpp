#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "tests/style/source_tree.h"

namespace polonaise::testing {
namespace {

// The rooms of ARCHITECTURE.md, and the rooms that each may include.
const std::map<std::string, std::set<std::string>> kRooms{
    {"kernels", {"kernels"}},
    {"io", {"io"}},
    {"runtime", {"runtime", "kernels"}},
    {"models", {"models", "runtime", "kernels"}},
    {"tools", {"tools", "models", "runtime", "kernels", "io"}},
    {"tests", {"tests", "bench", "tools", "models", "runtime", "kernels", "io"}},
    {"bench", {"bench", "tools", "models", "runtime", "kernels", "io"}},
};

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) { return text.starts_with(p); });
}

std::string room_of(const std::string& path) {
  return path.substr(0, path.find('/'));
}

bool is_cuda_header(std::string_view header) {
  return starts_with_any(
      header, {"cuda", "cublas", "cudnn", "curand", "nccl", "nvtx3/", "nvToolsExt", "cooperative_groups", "mma.h",
               "cub/", "thrust/", "cute/", "cutlass/", "driver_types", "vector_types"});
}

// What is wrong with one #include of `path`, or nothing.
std::string fault_of_include(const std::string& path, bool quoted, const std::string& header) {
  if (quoted) {
    if (!kRooms.at(room_of(path)).contains(room_of(header)))
      return "an include must name a file of a room that " + room_of(path) + "/ may use, from the repository's root";
    return "";
  }
  if (is_cuda_header(header) && !starts_with_any(path, {"kernels/cuda/", "kernels/simt/", "bench/"}))
    return "CUDA's headers belong in kernels/cuda/, kernels/simt/ and bench/";
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
        !starts_with_any(source.path, {"kernels/cuda/launch.", "tests/style/"}))
      report("kernels are launched by launch() alone");
    if (std::regex_search(lines[i], vocabulary) &&
        !starts_with_any(source.path, {"kernels/simt/", "kernels/cuda/sm90/", "kernels/bf16.h", "tests/style/"}))
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
    if (source.path.ends_with("-inl.h")) continue;  // included once per vector target, or wherever a namespace is open
    EXPECT_TRUE(source.text.starts_with("#pragma once\n")) << source.path << " must begin with #pragma once";
  }
}

TEST(Includes, EveryRuleFindsItsFault) {
  const auto count = [](const char* path, const char* text) { return faults({path, text}).size(); };
  EXPECT_EQ(count("kernels/a.h", "#include \"runtime/tape.h\"\n"), 1u);
  EXPECT_EQ(count("io/a.cpp", "#include \"kernels/view.h\"\n"), 1u);
  EXPECT_EQ(count("runtime/a.cpp", "#include \"models/model.h\"\n"), 1u);
  EXPECT_EQ(count("models/a.cpp", "  #  include \"io/files/file.h\"\n"), 1u);
  EXPECT_EQ(count("tools/a.cpp", "#include \"tests/kernels/support.h\"\n"), 1u);
  EXPECT_EQ(count("tools/a.cpp", "#include \"cli.h\"\n"), 1u);
  EXPECT_EQ(count("runtime/device.cpp", "#include <cuda_runtime.h>\n"), 1u);
  EXPECT_EQ(count("kernels/cuda/api.cpp", "#include <cuda_runtime.h>\n"), 0u);
  EXPECT_EQ(count("io/json.h", "#include <nlohmann/json.hpp>\n#include <fmt/format.h>\n"), 2u);
  EXPECT_EQ(count("io/json.h", "#include <nlohmann/json_fwd.hpp>\n"), 0u);
  EXPECT_EQ(count("io/json.cpp", "#include <nlohmann/json.hpp>\n#include <fmt/format.h>\n"), 0u);
  EXPECT_EQ(count("kernels/cuda/lstm.cu", "kernel<<<grid, block>>>();\n"), 1u);
  EXPECT_EQ(count("kernels/cuda/lstm.cu", "cudaLaunchKernelEx(&config, kernel);\n"), 1u);
  EXPECT_EQ(count("kernels/cuda/launch.cpp", "cudaLaunchKernelExC(&config, kernel, arguments);\n"), 0u);
  EXPECT_EQ(count("kernels/cuda/lstm.cu", "__shared__ float sum;\n  asm volatile(\"\");\n  asm(\"\");\n"), 3u);
  EXPECT_EQ(count("kernels/simt/mma.h", "asm volatile(\"\");\n"), 0u);
  EXPECT_EQ(count("tests/a.cpp", "#include \"io/files/file.h\"\n#include <vector>\n"), 0u);
}

}  // namespace
}  // namespace polonaise::testing
