#include "kernels/pointwise/pointwise.h"
#include "runtime/ops.h"

namespace polonaise {

namespace {
// The kernel's [P,R,D]: a time-major sequence as it is, a batch-major one as one block of long rows, a matrix as one of
// its rows.
template <class T>
View<T, 3> dropout_view(const Tensor& x, Layout layout) {
  if (x.shape.rank() == 2) return {x.matrix<T>().data(), {1, x.shape[0], x.shape[1]}};
  const View<T, 3> cube = x.cube<T>();
  if (layout == Layout::time_major) return cube;
  return {cube.data(), {1, cube.extent(0), cube.extent(1) * cube.extent(2)}};
}
}  // namespace

Var dropout(Tape& tape, const Var& x, float p, Layout layout) {
  if (!tape.is_training() || p == 0) return x;
  const Var y = tape.output(x.shape(), x.dtype(), x.needs_gradient());
  const kernels::RandomStream stream = tape.random_stream();
  const Index first_row = tape.place().first_row;
  dispatch(tape.device(), x.dtype(), [&](auto& device, auto type) {
    using T = typename decltype(type)::type;
    kernels::dropout<T>(device, {.x = dropout_view<const T>(x.value(), layout),
                                 .y = dropout_view<T>(y.value(), layout),
                                 .p = p,
                                 .stream = stream,
                                 .first_row = first_row});
  });
  tape.record("dropout", y, [=](Tape& t) {
    const Tensor dy = t.gradient(y);
    if (!dy.data) return;
    const GradientSlot dx = t.slot(x);
    dispatch(t.device(), x.dtype(), [&](auto& device, auto type) {
      using T = typename decltype(type)::type;
      kernels::dropout<T>(device, {.x = dropout_view<const T>(dy, layout),
                                   .y = dropout_view<T>(dx.tensor, layout),
                                   .p = p,
                                   .stream = stream,
                                   .first_row = first_row,
                                   .accumulate = dx.accumulate});
    });
  });
  return y;
}

}  // namespace polonaise
