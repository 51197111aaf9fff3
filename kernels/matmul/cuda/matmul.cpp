#include "kernels/matmul/matmul.h"

#include "kernels/base/bf16.h"
#include "kernels/cuda/host/product.h"

namespace polonaise::kernels {

template <class T>
void matmul(Cuda& cuda, const Matmul<T>& p) {
  p.check();
  if (p.c.size() > 0) multiply<T, T>(cuda, p.a, p.op_a, p.b, p.op_b, p.c, p.accumulate);
}

template void matmul(Cuda&, const Matmul<float>&);
template void matmul(Cuda&, const Matmul<bf16>&);

}  // namespace polonaise::kernels
