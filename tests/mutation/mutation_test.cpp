// Shows that the emulator and the sanitizers find what they are there to find: faults are put into copies of kernels
// and of what the host does around them, one at a time, by the build's own commands, and the room's own tests are run
// over each.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "tests/mutation/mutants.h"

namespace polonaise::testing {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = POLONAISE_SOURCE_DIR, kBinary = POLONAISE_BINARY_DIR;

#ifdef __SANITIZE_THREAD__
constexpr const char* kSanitizer = "thread";
#else
constexpr const char* kSanitizer = "address";
#endif

std::string tests_of(const std::string& room) {
  return "tests/polonaise_" + room + "_tests";
}

struct Finished {
  int status;
  std::string output;
};

Finished run(const std::string& command) {
  FILE* pipe = popen(("cd '" + kBinary.string() + "' && " + command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("no pipe");
  std::string output;
  char buffer[4096];
  for (std::size_t count; (count = fread(buffer, 1, sizeof buffer, pipe)) > 0;) output.append(buffer, count);
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, output};
}

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string replaced_once(std::string text, const std::string& old, const std::string& by) {
  const std::size_t at = text.find(old);
  if (at == std::string::npos || text.find(old, at + 1) != std::string::npos)
    throw std::runtime_error("'" + old + "' must stand there once: choose another text to mutate");
  return text.replace(at, old.size(), by);
}

std::ptrdiff_t line_of(const std::string& text, std::size_t at) {
  return 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
}

// How this build compiles the file, to another object; and the object's own name.
struct Compilation {
  std::string command, object;
};

Compilation compilation_of(const std::string& file) {
  for (const auto& entry : nlohmann::json::parse(read(kBinary / "compile_commands.json"))) {
    if (entry.at("file") != (kSource / file).string()) continue;
    const std::string command = entry.at("command");
    const std::regex output(" -o (\\S+) -c \\S+$");
    std::smatch match;
    if (!std::regex_search(command, match, output)) break;
    return {command.substr(0, static_cast<std::size_t>(match.position())), match[1]};
  }
  throw std::runtime_error("the build does not say how it compiles " + file);
}

// The compiler looks into `folder` before it looks into the others.
std::string with_include_folder(std::string command, const fs::path& folder) {
  const std::size_t first = command.find(" -I");
  if (first == std::string::npos) throw std::runtime_error("the build has no include folder");
  return command.insert(first, " -I" + folder.string());
}

// Links a room's tests with `object` in place of the one it was made from.
std::string link_command(const std::string& room, const Compilation& original, const fs::path& object,
                         const fs::path& program) {
  const std::string tests = tests_of(room),
                    commands = run(std::string(POLONAISE_NINJA) + " -t commands " + tests).output;
  std::string link = commands.substr(commands.rfind("\n", commands.size() - 2) + 1);
  link = link.substr(0, link.find(" && cd "));  // what finds the program's tests follows
  link = replaced_once(link, "-o " + tests + " ", "-o " + program.string() + " ");
  if (link.find(original.object) != std::string::npos) return replaced_once(link, original.object, object.string());
  // Of a library: an object that is linked before leaves the library's own out.
  return replaced_once(link, "-o " + program.string(), "-o " + program.string() + " " + object.string());
}

class Mutation : public ::testing::TestWithParam<Mutant> {};

TEST_P(Mutation, IsFoundAndItsLineIsNamed) {
  const Mutant& mutant = GetParam();
  const fs::path folder = fs::path(::testing::TempDir()) / ("polonaise_" + std::string(kSanitizer) + "_" + mutant.name);
  const fs::path source = folder / mutant.file, object = folder / "mutant.o", program = folder / "mutated";
  fs::create_directories(source.parent_path());
  const std::string original = read(kSource / mutant.file);
  const std::string mutated = replaced_once(original, mutant.text, mutant.becomes);
  std::ofstream(source) << mutated;

  // A header's copy is found before the header itself.
  const std::string& unit = mutant.compiled.empty() ? mutant.file : mutant.compiled;
  const Compilation compilation = compilation_of(unit);
  const Finished compiled = run(with_include_folder(compilation.command, folder) + " -w -o " + object.string() +
                                " -c " + (mutant.compiled.empty() ? source : kSource / unit).string());
  ASSERT_EQ(compiled.status, 0) << compiled.output;
  const Finished linked = run(link_command(mutant.room, compilation, object, program));
  ASSERT_EQ(linked.status, 0) << linked.output;

  const Finished tested = run(program.string() + " --gtest_filter='" + mutant.tests + "'");
  EXPECT_NE(tested.status, 0);
  EXPECT_TRUE(std::regex_search(tested.output, std::regex(mutant.report))) << tested.output;
  const bool elsewhere = !mutant.blamed_file.empty();
  const std::string blamed = elsewhere ? read(kSource / mutant.blamed_file) : mutated;
  const std::size_t at = blamed.find(mutant.blamed, elsewhere ? 0 : original.find(mutant.text));
  ASSERT_NE(at, std::string::npos) << mutant.blamed;
  const std::string file = fs::path(elsewhere ? mutant.blamed_file : mutant.file).filename();
  const std::string named = file + ":" + std::to_string(line_of(blamed, at));
  EXPECT_TRUE(std::regex_search(tested.output, std::regex(named + "\\b"))) << named << "\n" << tested.output;
  if (!HasFailure()) fs::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(Faults, Mutation, ::testing::ValuesIn(mutants(kSanitizer)),
                         [](const auto& instance) { return instance.param.name; });

TEST(CleanKernels, HaveNothingReportedOfThem) {
  std::map<std::string, std::set<std::string>> filters;
  for (const Mutant& mutant : mutants(kSanitizer)) filters[mutant.room].insert(mutant.tests);
  for (const auto& [room, of_room] : filters) {
    std::string all;
    for (const std::string& filter : of_room) all += filter + ":";
    const Finished tested = run(tests_of(room) + " --gtest_filter='" + all + "'");
    EXPECT_EQ(tested.status, 0) << tested.output;
    EXPECT_EQ(tested.output.find("Sanitizer"), std::string::npos) << tested.output;
    EXPECT_EQ(tested.output.find("SKIPPED"), std::string::npos) << tested.output;
    EXPECT_NE(tested.output.find("[  PASSED  ]"), std::string::npos) << tested.output;
  }
}

}  // namespace
}  // namespace polonaise::testing
