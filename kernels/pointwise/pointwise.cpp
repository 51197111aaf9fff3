#include "kernels/pointwise/pointwise.h"

#include "kernels/base/bf16.h"
#include "kernels/base/require.h"

namespace polonaise::kernels {

template <class T>
void Dropout<T>::check() const {
  require(p >= 0 && p < 1, "the probability of dropout must be at least 0 and below 1");
  require(same_shape(x, y), "x and y must have one shape");
  require(x.extent(0) * x.columns() <= Index{1} << 32, "a row of the batch has 2^32 random numbers");
}

template struct Dropout<float>;
template struct Dropout<bf16>;

}  // namespace polonaise::kernels
