#include "kernels/norm/norm.h"

#include "kernels/base/bf16.h"
#include "kernels/base/require.h"

namespace polonaise::kernels {

template <class T>
void LayerNormForward<T>::check() const {
  const Index R = x.rows(), D = x.columns();
  require(D >= 1 && same_shape(x, y), "x and y must have one shape, with at least one column");
  require(weight.size() == D && bias.size() == D, "weight and bias must have one number a column");
  require(mean.size() == R && rstd.size() == R, "mean and rstd must have one number a row");
  require(residual.empty() == sum.empty(), "the sum is written where there is a residual, and only there");
  require(residual.empty() || (same_shape(residual, x) && same_shape(sum, x)),
          "x, residual and sum must have one shape");
}

template <class T>
void LayerNormBackward<T>::check() const {
  const Index R = sum.rows(), D = sum.columns();
  require(D >= 1 && same_shape(dy, sum) && same_shape(ds, sum),
          "sum, dy and ds must have one shape, with at least one column");
  require(dsum.empty() || same_shape(dsum, sum), "dsum must have ds's shape");
  require(weight.size() == D, "weight must have one number a column");
  require(mean.size() == R && rstd.size() == R, "mean and rstd must have one number a row");
  require(dweight.empty() || dweight.size() == D, "dweight must have weight's length");
  require(dbias.empty() || dbias.size() == D, "dbias must have weight's length");
}

template struct LayerNormForward<float>;
template struct LayerNormForward<bf16>;
template struct LayerNormBackward<float>;
template struct LayerNormBackward<bf16>;

}  // namespace polonaise::kernels
