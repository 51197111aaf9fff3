#pragma once

#include "kernels/matmul.h"
#include "kernels/require.h"

namespace polonaise::kernels {

// What every device's matmul() checks first. Whether there is anything to do: c has rows and columns.
template <class T>
bool require_product(View<const T, 2> a, Op op_a, View<const T, 2> b, Op op_b, View<T, 2> c) {
  const Index k = op_a == Op::none ? a.extent(1) : a.extent(0);
  require((op_a == Op::none ? a.extent(0) : a.extent(1)) == c.extent(0),
          "op(a) and c must have the same number of rows");
  require((op_b == Op::none ? b.extent(1) : b.extent(0)) == c.extent(1),
          "op(b) and c must have the same number of columns");
  require((op_b == Op::none ? b.extent(0) : b.extent(1)) == k, "op(a)'s columns must match op(b)'s rows");
  if (c.extent(0) == 0 || c.extent(1) == 0) return false;
  require(k > 0, "op(a) must have columns");
  return true;
}

}  // namespace polonaise::kernels
