#include <gtest/gtest.h>

#include <map>

#include "tests/style/source_tree.h"

namespace polonaise::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 24;

// Folders that hold more yet, and headers' names that two rooms share yet. These lists only become shorter.
const std::set<std::string> kCrowded{};
const std::set<std::string> kSharedNames{};

// What is wrong with the names of the headers among `paths`: one names another thing in another room or, outside
// kernels/, where a family has the same names for each device, in another folder.
std::vector<std::string> shared_names(const std::vector<std::string>& paths) {
  std::map<std::string, std::vector<fs::path>> named;
  for (const fs::path path : paths)
    if (path.extension() == ".h" || path.extension() == ".cuh") named[path.filename().string()].push_back(path);
  std::vector<std::string> faults;
  for (const auto& [name, headers] : named)
    for (std::size_t i = 1; i < headers.size(); ++i)
      if (*headers[0].begin() != *headers[i].begin() || *headers[i].begin() != "kernels")
        faults.push_back(headers[0].string() + " and " + headers[i].string() + " need names of their own");
  return faults;
}

TEST(Folders, HoldNoMoreFilesThanOneSees) {
  const fs::path root = POLONAISE_SOURCE_DIR;
  std::map<std::string, std::size_t> files;
  for (const char* room : {"kernels", "io", "runtime", "models", "tools", "bench"})
    for (const auto& entry : fs::recursive_directory_iterator(root / room))
      if (!entry.is_directory()) ++files[fs::relative(entry.path().parent_path(), root).generic_string()];
  ASSERT_GT(files.size(), 20u);
  for (const auto& [folder, count] : files)
    EXPECT_TRUE(count <= kMostFiles || kCrowded.contains(folder)) << folder << "/ needs rooms by subject";
}

TEST(Folders, HeadersOfOneNameAreOneThing) {
  std::vector<std::string> paths;
  for (const Source& source : read_sources())
    if (!source.path.starts_with("tests/") && !kSharedNames.contains(fs::path(source.path).filename().string()))
      paths.push_back(source.path);
  ASSERT_GT(paths.size(), 100u);
  for (const std::string& fault : shared_names(paths)) ADD_FAILURE() << fault;
}

TEST(Folders, SharedNamesAreFound) {
  EXPECT_EQ(shared_names({"io/a/grid.h", "kernels/grid.h"}).size(), 1u);
  EXPECT_EQ(shared_names({"tools/a/gap.h", "tools/b/gap.h"}).size(), 1u);
  EXPECT_EQ(shared_names({"kernels/a/cpu/tile.h", "kernels/a/cuda/tile.h"}).size(), 0u);
  EXPECT_EQ(shared_names({"tools/a/gap.cpp", "tools/b/gap.cpp", "tools/b/gap.h"}).size(), 0u);
}

}  // namespace
}  // namespace polonaise::testing
