#pragma once

// The vocabulary of kernels: what a .cu file includes, and all that it may use of CUDA. Each word has two meanings, a
// card's under nvcc and the emulator's under the C++ compiler, side by side in its header.

#include "kernels/simt/collective.h"
#include "kernels/simt/copy_async.h"
#include "kernels/simt/flags.h"
#include "kernels/simt/grid.h"
#include "kernels/simt/language.h"
#include "kernels/simt/math.h"
#include "kernels/simt/mma.h"
#include "kernels/simt/reduce.h"
#include "kernels/simt/shared.h"
#include "kernels/simt/vector.h"
