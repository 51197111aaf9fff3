#include "kernels/cuda/host/product.h"

#include <algorithm>
#include <cstdint>

#include "kernels/base/bf16.h"
#include "kernels/cuda/driver/cublaslt.h"
#include "kernels/cuda/host/api.h"

namespace polonaise::kernels {
namespace {

template <class T>
constexpr cudaDataType_t kType = std::is_same_v<T, float> ? CUDA_R_32F : CUDA_R_16BF;

// A matrix of rows after rows is its own transpose to a library that counts columns after columns. Wider alignments
// than 16 bytes make no difference to it.
template <class T>
CublasLtProduct::Matrix turned(View<T, 2> view, Op op = Op::none) {
  const auto address = reinterpret_cast<std::uintptr_t>(view.data());
  return {.rows = view.columns(),
          .columns = view.rows(),
          .leading = std::max(view.stride(), view.columns()),
          .alignment = std::min<std::size_t>(address & -address, 16),
          .transposed = op == Op::transpose};
}

}  // namespace

// c = op(a) op(b) of rows after rows is c' = op(b)' op(a)' of columns after columns.
template <class T, class Result>
void multiply(Cuda& cuda, View<const T, 2> a, Op op_a, View<const T, 2> b, Op op_b, View<Result, 2> c,
              Accumulate accumulate, View<const Result, 1> bias) {
  const bool tf32 = cuda.matrix_math() == MatrixMath::tf32 && std::is_same_v<T, float>;
  const CublasLtProduct product{.factors = kType<T>,
                                .result = kType<Result>,
                                .compute = tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
                                .a = turned(b, op_b),
                                .b = turned(a, op_a),
                                .c = turned(c),
                                .bias = !bias.empty()};
  cuda.make_current();
  cuda.cublaslt().multiply(cuda, product, b.data(), a.data(), c.data(), accumulate == Accumulate::yes ? 1.0f : 0.0f,
                           bias.data());
  if (cuda.synchronous()) synchronise(cuda.stream());
}

template void multiply<float, float>(Cuda&, View<const float, 2>, Op, View<const float, 2>, Op, View<float, 2>,
                                     Accumulate, View<const float, 1>);
template void multiply<bf16, bf16>(Cuda&, View<const bf16, 2>, Op, View<const bf16, 2>, Op, View<bf16, 2>, Accumulate,
                                   View<const bf16, 1>);
template void multiply<bf16, float>(Cuda&, View<const bf16, 2>, Op, View<const bf16, 2>, Op, View<float, 2>, Accumulate,
                                    View<const float, 1>);

}  // namespace polonaise::kernels
