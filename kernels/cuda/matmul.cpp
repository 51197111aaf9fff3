#include "kernels/matmul.h"

#include "kernels/bf16.h"
#include "kernels/cuda/product.h"
#include "kernels/matmul_shapes.h"

namespace polonaise::kernels {

template <class T>
void matmul(Cuda& cuda, View<const T, 2> a, Op op_a, View<const T, 2> b, Op op_b, View<T, 2> c, Accumulate accumulate) {
  if (require_product(a, op_a, b, op_b, c)) multiply<T, T>(cuda, a, op_a, b, op_b, c, accumulate);
}

template void matmul<float>(Cuda&, View<const float, 2>, Op, View<const float, 2>, Op, View<float, 2>, Accumulate);
template void matmul<bf16>(Cuda&, View<const bf16, 2>, Op, View<const bf16, 2>, Op, View<bf16, 2>, Accumulate);

}  // namespace polonaise::kernels
