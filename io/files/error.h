#pragma once

#include <stdexcept>

namespace polonaise::io {

// What io throws for bad input: one sentence that names the file (or "line N of FILE"), says what is wrong and what to
// do about it, fit to be printed as it stands.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace polonaise::io
