#pragma once

#include <source_location>

namespace polonaise::simt {

// The place of a warp or block operation in a kernel, for the emulator's errors. A function that is made of such
// operations takes one and hands it on, so that an error names the kernel's line. On a GPU it is empty.
#ifdef __CUDACC__
struct Here {
  static constexpr Here current() { return {}; }
};
#else
using Here = std::source_location;
#endif

}  // namespace polonaise::simt
