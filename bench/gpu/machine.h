#pragma once

#include <string>

#include "kernels/cuda/host/context.h"

namespace polonaise::bench {

// What a result was measured on, as a JSON line: {"machine": {"gpu", "driver", "CUDA", "cuDNN", "CPU", "OS"}}. What the
// system does not tell is left out.
std::string machine_line(const Cuda&);

}  // namespace polonaise::bench
