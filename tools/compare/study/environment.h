#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace polonaise::tools {

// What a comparison ran on, for its records.
struct Environment {
  std::string date;       // "2026-11-25 10:20 UTC"
  std::string processor;  // as the system names it; empty where it does not
  int threads = 0;        // of the machine
  std::string version;    // "0.1.0 (commit 88df9de)"
  std::vector<std::string> libraries;
};
Environment environment();

// The most memory that this process has held in RAM so far, in bytes (getrusage: ru_maxrss).
std::int64_t peak_resident_bytes();

}  // namespace polonaise::tools
