#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include "tests/style/source_tree.h"

namespace polonaise::testing {
namespace {

struct Outcome {
  int status;
  std::string output;
};

Outcome run(const std::string& command) {
  Outcome result{-1, ""};
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  std::array<char, 4096> buffer;
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) result.output += buffer.data();
  result.status = pclose(pipe);
  return result;
}

// Another version formats some lines differently, so only the one that the tree was written with judges it.
TEST(Format, EveryFileIsAsClangFormatWritesIt) {
  if (run("clang-format --version").output.find("version 14.") == std::string::npos)
    GTEST_SKIP() << "clang-format 14 is not installed";
  std::string command = "cd '" POLONAISE_SOURCE_DIR "' && clang-format --dry-run -Werror";
  for (const auto& source : read_sources()) command += " '" + source.path + "'";
  const Outcome result = run(command);
  EXPECT_EQ(result.status, 0) << result.output;
}

TEST(Format, FilesStayWithinFiveHundredLines) {
  for (const auto& source : read_sources())
    EXPECT_LE(lines_of(source.text).size(), 500u) << source.path << " is to be split by what it does";
}

}  // namespace
}  // namespace polonaise::testing
