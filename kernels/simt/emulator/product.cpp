#include "kernels/cuda/host/product.h"

#include <bit>
#include <vector>

#include "kernels/base/bf16.h"
#include "kernels/simt/emulator/stream.h"
#include "kernels/simt/simt.h"

namespace polonaise::kernels {
namespace {

// What tensor cores read of a number in tf32.
float as_tf32(float value) {
  return std::bit_cast<float>(simt::to_tf32(value));
}

// A matrix as float, contiguous.
template <class T>
struct Widened {
  explicit Widened(View<T, 2> view, MatrixMath math = MatrixMath::exact) : rows(view.rows()), columns(view.columns()) {
    for (Index r = 0; r < rows; ++r)
      for (Index c = 0; c < columns; ++c) {
        const float value = static_cast<float>(view.row(r)[c]);
        values.push_back(math == MatrixMath::tf32 ? as_tf32(value) : value);
      }
  }
  View<float, 2> view() { return {values.data(), {rows, columns}}; }

  Index rows, columns;
  std::vector<float> values;
};

}  // namespace

// By the CPU's kernel in float, when the stream comes to it. bf16 is tf32 already.
template <class T, class Result>
void multiply(Cuda& cuda, View<const T, 2> a, Op op_a, View<const T, 2> b, Op op_b, View<Result, 2> c,
              Accumulate accumulate, View<const Result, 1> bias) {
  cuda.stream()->queue([=, math = cuda.matrix_math()] {
    Widened factor_a(a, math), factor_b(b, math);
    Widened result(c);
    const View<float, 2> sums = result.view();
    if (accumulate == Accumulate::no)
      for (Index r = 0; r < c.rows(); ++r)
        for (Index n = 0; n < c.columns(); ++n)
          sums.row(r)[n] = bias.empty() ? 0.0f : static_cast<float>(bias.data()[n]);
    Cpu cpu;
    matmul<float>(cpu, {.a = factor_a.view(),
                        .op_a = op_a,
                        .b = factor_b.view(),
                        .op_b = op_b,
                        .c = sums,
                        .accumulate = Accumulate::yes});
    for (Index r = 0; r < c.rows(); ++r)
      for (Index n = 0; n < c.columns(); ++n) c.row(r)[n] = static_cast<Result>(sums.row(r)[n]);
  });
  if (cuda.synchronous()) synchronise(cuda.stream());
}

template void multiply<float, float>(Cuda&, View<const float, 2>, Op, View<const float, 2>, Op, View<float, 2>,
                                     Accumulate, View<const float, 1>);
template void multiply<bf16, bf16>(Cuda&, View<const bf16, 2>, Op, View<const bf16, 2>, Op, View<bf16, 2>, Accumulate,
                                   View<const bf16, 1>);
template void multiply<bf16, float>(Cuda&, View<const bf16, 2>, Op, View<const bf16, 2>, Op, View<float, 2>, Accumulate,
                                    View<const float, 1>);

}  // namespace polonaise::kernels
