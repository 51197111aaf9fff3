#include "runtime/tensor.h"

#include "kernels/pointwise/pointwise.h"

namespace polonaise {

void convert(AnyDevice& any, const Tensor& from, const Tensor& to, Accumulate accumulate) {
  dispatch(any, from.dtype, [&](auto& device, auto type) {
    using From = typename decltype(type)::type;
    dispatch(any, to.dtype, [&](auto&, auto other) {
      using To = typename decltype(other)::type;
      if constexpr (supports<std::remove_reference_t<decltype(device)>, To>)
        kernels::copy<From, To>(device, from.matrix<const From>(), to.matrix<To>(), accumulate);
    });
  });
}

}  // namespace polonaise
