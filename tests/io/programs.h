#pragma once

#include <cstdio>
#include <string>

// Other programs as oracles.
namespace polonaise::io::test {

struct Outcome {
  int status = -1;
  std::string output;
};

inline Outcome execute(const std::string& command) {
  Outcome outcome;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return outcome;
  char buffer[1 << 16];
  for (std::size_t count; (count = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    outcome.output.append(buffer, count);
  outcome.status = ::pclose(pipe);
  return outcome;
}

inline bool installed(const std::string& program) {
  return execute("command -v " + program).status == 0;
}

}  // namespace polonaise::io::test
