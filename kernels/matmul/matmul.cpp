#include "kernels/matmul/matmul.h"

#include "kernels/base/bf16.h"
#include "kernels/base/require.h"

namespace polonaise::kernels {

template <class T>
void Matmul<T>::check() const {
  const auto rows = [](const auto& x, Op op) { return x.extent(op == Op::none ? 0 : 1); };
  const auto columns = [](const auto& x, Op op) { return x.extent(op == Op::none ? 1 : 0); };
  require(rows(a, op_a) == c.rows(), "op(a) and c must have the same number of rows");
  require(columns(b, op_b) == c.columns(), "op(b) and c must have the same number of columns");
  require(rows(b, op_b) == columns(a, op_a), "op(a)'s columns must match op(b)'s rows");
  require(c.size() == 0 || columns(a, op_a) > 0, "op(a) must have columns");
}

template struct Matmul<float>;
template struct Matmul<bf16>;

}  // namespace polonaise::kernels
