#pragma once

#include "kernels/base/devices.h"
#include "kernels/base/view.h"

namespace polonaise::kernels {

// Plain matrix products: OpenBLAS on the CPU, cuBLASLt on CUDA.

enum class Op : bool { none, transpose };

//   c[m,n] (+)= sum_k op(a)[m,k] op(b)[k,n]
// Rows may be strided; c must not overlap a or b. The CPU cuts c into blocks fixed by shape, each summed over k by one
// thread in one order, so bits depend neither on the number of threads nor on OpenBLAS's setting. On CUDA they repeat
// on cards of one kind with one version of cuBLASLt; Cuda::set_matrix_math says how floats are multiplied. Instantiated
// for T = float, and on CUDA bf16, whose sums are float.
template <class T>
struct Matmul {
  View<const T, 2> a;
  Op op_a = Op::none;  // op(a) is [m,k]
  View<const T, 2> b;
  Op op_b = Op::none;  // op(b) is [k,n]
  View<T, 2> c;        // [m,n]
  Accumulate accumulate = Accumulate::no;

  void check() const;
};
template <class T>
void matmul(Cpu&, const Matmul<T>&);
template <class T>
void matmul(Cuda&, const Matmul<T>&);

}  // namespace polonaise::kernels
