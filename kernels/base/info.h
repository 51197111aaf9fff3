#pragma once

#include <string>

namespace polonaise::kernels {

// The hardware that the CPU kernels use, for --version and the records of runs.
std::string vector_target();  // the best Highway target this CPU has of those that are built ("AVX2")
std::string blas();           // the BLAS that is loaded ("OpenBLAS 0.3.21"); empty in a program that needs none
std::string highway();        // "1.0.3"

}  // namespace polonaise::kernels
