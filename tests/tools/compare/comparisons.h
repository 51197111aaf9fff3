#pragma once

#include <gmock/gmock.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/tools/runs.h"

// The program polonaise-compare, run as a user runs it, on little data and for a short time.
namespace polonaise::tools {

inline ProgramResult compare(const std::vector<std::string>& arguments, const ProgramOptions& options = {}) {
  return run_program("polonaise-compare", arguments, options);
}

// Two networks at two lengths, half a second each.
inline std::vector<std::string> tiny(const std::filesystem::path& data, const std::filesystem::path& report) {
  return {data,   "--models",       "rnn,bilstm", "--seq",   "4,8", "--budget", "0.05", "--parameters",
          "4000", "--step-targets", "64",         "--steps", "20",  "-q",       "-o",   report};
}

inline std::set<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

// No number that is none. "nan" and "inf" stand in words too, so only where a number would.
inline void expect_numbers(const std::string& text) {
  for (const char* word : {">nan", ">inf", ">-nan", ">-inf", "NaN", "Infinity", "\"nan", " nan", ":null"}) {
    EXPECT_THAT(text, testing::Not(testing::HasSubstr(word)));
  }
}

// The runs of tiny().
inline const std::set<std::string> kRuns = {"rnn-4-cpu", "bilstm-4-cpu", "rnn-8-cpu", "bilstm-8-cpu"};

}  // namespace polonaise::tools
