#pragma once

#include "kernels/cuda/host/context.h"
#include "kernels/matmul/matmul.h"

namespace polonaise::kernels {

// The matrix product that matmul.h and linear.h are made of: cuBLASLt's, or, under emulation, the CPU's.

//   c[m,n] (+)= bias[n] + sum_k op(a)[m,k] op(b)[k,n]
// bias is [n] or empty. Shapes have been checked, and no extent is 0. (T, Result) is (float, float), (bf16, bf16) or,
// for gradients of parameters, (bf16, float); sums are float.
template <class T, class Result>
void multiply(Cuda&, View<const T, 2> a, Op op_a, View<const T, 2> b, Op op_b, View<Result, 2> c, Accumulate,
              View<const Result, 1> bias = {});

}  // namespace polonaise::kernels
