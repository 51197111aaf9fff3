#pragma once

#include "kernels/norm.h"
#include "kernels/require.h"

namespace polonaise::kernels {

// What every device's layer_norm_forward() and layer_norm_backward() check first.

template <class T>
void require_layer_norm_forward(View<const T, 2> x, View<const T, 2> residual, View<const T, 1> weight,
                                View<const T, 1> bias, View<T, 2> sum, View<T, 2> y, View<float, 1> mean,
                                View<float, 1> rstd) {
  const Index R = x.rows(), D = x.columns();
  require(D >= 1 && same_shape(x, View<const T, 2>(y)), "x and y must have one shape, with at least one column");
  require(weight.size() == D && bias.size() == D, "weight and bias must have one number a column");
  require(mean.size() == R && rstd.size() == R, "mean and rstd must have one number a row");
  require(residual.empty() == sum.empty(), "the sum is written where there is a residual, and only there");
  require(residual.empty() || (same_shape(residual, x) && same_shape(View<const T, 2>(sum), x)),
          "x, residual and sum must have one shape");
}

template <class T>
void require_layer_norm_backward(View<const T, 2> sum, View<const T, 1> weight, View<const float, 1> mean,
                                 View<const float, 1> rstd, View<const T, 2> dy, View<const T, 2> dsum, View<T, 2> ds,
                                 View<float, 1> dweight, View<float, 1> dbias) {
  const Index R = sum.rows(), D = sum.columns();
  require(D >= 1 && same_shape(dy, sum) && same_shape(View<const T, 2>(ds), sum),
          "sum, dy and ds must have one shape, with at least one column");
  require(dsum.empty() || same_shape(dsum, sum), "dsum must have ds's shape");
  require(weight.size() == D, "weight must have one number a column");
  require(mean.size() == R && rstd.size() == R, "mean and rstd must have one number a row");
  require(dweight.empty() || dweight.size() == D, "dweight must have weight's length");
  require(dbias.empty() || dbias.size() == D, "dbias must have weight's length");
}

}  // namespace polonaise::kernels
