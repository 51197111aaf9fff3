#pragma once

#include <string>
#include <string_view>

namespace polonaise::tools {

// "0.1.0", and the commit it was configured from ("49e81e2", or "unknown" outside a git checkout).
std::string_view version();
std::string_view commit();

// What --version prints: version and commit, devices (threads and vector target of the CPU, whether CUDA is built in)
// and the libraries with their versions.
std::string version_text(std::string_view program);

}  // namespace polonaise::tools
