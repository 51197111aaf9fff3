#pragma once

#include <cstdio>
#include <string_view>

namespace polonaise::tools {

// Writes text that tells of the work and is not its result. Where it cannot be written (the stream is closed or full,
// the terminal has gone, nobody reads the pipe) it is dropped: a message never ends a program.
void write_message(std::string_view text, std::FILE* stream = stderr) noexcept;

}  // namespace polonaise::tools
