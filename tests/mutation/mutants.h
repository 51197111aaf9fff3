#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace polonaise::testing {

// One fault, put into a copy of a file of the project, and what must be said of it when a test runs.
struct Mutant {
  std::string name;
  std::string file;              // from the repository's root
  std::string text;              // stands there once
  std::string becomes;           // on as many lines
  std::string tests;             // a filter of GoogleTest's
  std::string report;            // a regular expression that the output must match
  std::string blamed;            // stands in the line that the report must name, the first such from the fault on
  std::string blamed_file = {};  // where that is another file
  std::string compiled = {};     // the source that includes the file, where that is a header
  std::string room = "kernels";  // whose tests they are
};

inline void PrintTo(const Mutant& mutant, std::ostream* out) {
  *out << mutant.file;
}

// The faults that a build with this sanitizer ("address" or "thread") finds.
std::vector<Mutant> mutants(const std::string& sanitizer);

}  // namespace polonaise::testing
