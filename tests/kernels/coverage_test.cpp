#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace polonaise::testing {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::vector<fs::path> files_in(const fs::path& folder, const char* ending) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().string().ends_with(ending)) files.push_back(entry.path());
  return files;
}

// The headers of each family, which are its contract; what lies deeper is of one device.
std::vector<fs::path> contracts() {
  std::vector<fs::path> files;
  for (const auto& family : fs::directory_iterator(fs::path(POLONAISE_SOURCE_DIR) / "kernels"))
    if (family.is_directory())
      for (const auto& header : files_in(family.path(), ".h")) files.push_back(header);
  return files;
}

// The functions that take a Cpu first.
std::set<std::string> declared(const std::string& text) {
  static const std::regex declaration(R"((\w+)\s*\(\s*Cpu&)");
  std::set<std::string> names;
  for (std::sregex_iterator match(text.begin(), text.end(), declaration), end; match != end; ++match)
    names.insert((*match)[1]);
  return names;
}

bool calls(const std::string& text, const std::string& function) {
  return std::regex_search(text, std::regex("\\b" + function + R"(\s*(<[\w:]+>)?\s*\()"));
}

TEST(Coverage, EveryKernelOfTheContractsIsCalledByATest) {
  if (!fs::exists(POLONAISE_SOURCE_DIR)) GTEST_SKIP() << "the sources are not on this machine";
  std::string tests;
  for (const char* ending : {"_test.cpp", "_tests.h"})
    for (const auto& path : files_in(fs::path(POLONAISE_SOURCE_DIR) / "tests" / "kernels", ending)) tests += read(path);
  std::size_t functions = 0;
  for (const auto& header : contracts())
    for (const auto& function : declared(read(header))) {
      ++functions;
      EXPECT_TRUE(calls(tests, function)) << header.filename() << " declares " << function << ", which no test calls";
    }
  EXPECT_GT(functions, 20u) << "the contracts are not where this test looks";
}

TEST(Coverage, FindsDeclarationsAndCalls) {
  EXPECT_EQ(
      declared("template <class T>\nvoid first(Cpu&, int);\nvoid first(Cuda&, int);\nfloat second(\n    Cpu& cpu);"),
      (std::set<std::string>{"first", "second"}));
  EXPECT_TRUE(calls("kernels::first<float>(cpu, 1);", "first"));
  EXPECT_TRUE(calls("second(cpu)", "second"));
  EXPECT_FALSE(calls("the_first(cpu); // first", "first"));
}

}  // namespace
}  // namespace polonaise::testing
