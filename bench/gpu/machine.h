#pragma once

#include <string>

#include "kernels/cuda/host/context.h"

namespace polonaise::bench {

// Returns the machine of a result as a JSON line: {"machine": {"gpu", "driver", "CUDA", "cuDNN", "CPU", "OS"}}, without
// the members that the system does not tell.
std::string machine_line(const Cuda&);

}  // namespace polonaise::bench
