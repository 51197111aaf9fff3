#pragma once

#include <string>

namespace polonaise {

// Returns what --version says about GPUs: the first that the driver shows, or why there is none. Opens no GPU.
std::string cuda_status();

}  // namespace polonaise
