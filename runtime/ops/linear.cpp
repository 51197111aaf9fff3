#include "kernels/linear/linear.h"

#include "runtime/ops.h"

namespace polonaise {

namespace {
// x's shape with the last extent replaced.
Shape with_columns(const Shape& shape, Index columns) {
  switch (shape.rank()) {
    case 1:
      return {columns};
    case 2:
      return {shape[0], columns};
    case 3:
      return {shape[0], shape[1], columns};
    default:
      return {shape[0], shape[1], shape[2], columns};
  }
}
}  // namespace

Var linear(Tape& tape, const Var& x, const Var& weight, const Var& bias, kernels::Activation activation) {
  Var y =
      tape.output(with_columns(x.shape(), weight.shape()[0]), x.dtype(), x.needs_gradient() || weight.needs_gradient());
  const bool gelu = activation == kernels::Activation::gelu;
  Tensor saved;
  if (gelu && y.needs_gradient()) saved = tape.output(y.shape(), y.dtype(), false).value();
  const Tensor b = bias ? bias.value() : Tensor{};
  dispatch(tape.device(), x.dtype(), [&](auto& device, auto type) {
    using T = typename decltype(type)::type;
    kernels::linear_forward<T>(device, {.x = x.value().matrix<const T>(),
                                        .weight = weight.value().matrix<const T>(),
                                        .bias = b.vector<const T>(),
                                        .activation = activation,
                                        .saved = saved.matrix<T>(),
                                        .y = y.value().matrix<T>()});
  });
  tape.record("linear", y, [x, weight, bias, activation, gelu, saved, y](Tape& t) {
    const Tensor dy = t.gradient(y);
    if (!dy.data) return;
    const GradientSlot dx = t.slot(x), dweight = t.slot(weight), dbias = t.slot(bias);
    dispatch(t.device(), x.dtype(), [&](auto& device, auto type) {
      using T = typename decltype(type)::type;
      // dy is not needed again: dz takes its place.
      kernels::linear_backward<T>(device, {.x = x.value().matrix<const T>(),
                                           .weight = weight.value().matrix<const T>(),
                                           .saved = saved.matrix<const T>(),
                                           .activation = activation,
                                           .dy = dy.matrix<const T>(),
                                           .dz = gelu ? dy.matrix<T>() : View<T, 2>(),
                                           .dx = dx.tensor.matrix<T>(),
                                           .dx_accumulate = dx.accumulate,
                                           .dweight = dweight.tensor.matrix<float>(),
                                           .dbias = dbias.tensor.vector<float>()});
    });
  });
  return y;
}

Var linear_side_by_side(Tape& tape, const Var& x, std::span<const Var> weights) {
  Index columns = 0;
  for (const Var& weight : weights) columns += weight.shape()[0];
  Var y =
      tape.output(with_columns(x.shape(), columns), x.dtype(), x.needs_gradient() || weights.front().needs_gradient());
  const std::vector<Var> list(weights.begin(), weights.end());
  dispatch(tape.device(), x.dtype(), [&](auto& device, auto type) {
    using T = typename decltype(type)::type;
    Index first = 0;
    for (const Var& weight : list) {
      kernels::linear_forward<T>(device, {.x = x.value().matrix<const T>(),
                                          .weight = weight.value().matrix<const T>(),
                                          .y = y.value().matrix<T>().column_block(first, weight.shape()[0])});
      first += weight.shape()[0];
    }
  });
  tape.record("linear_side_by_side", y, [x, list, y](Tape& t) {
    const Tensor dy = t.gradient(y);
    if (!dy.data) return;
    GradientSlot dx = t.slot(x);
    dispatch(t.device(), x.dtype(), [&](auto& device, auto type) {
      using T = typename decltype(type)::type;
      Index first = 0;
      for (const Var& weight : list) {
        kernels::linear_backward<T>(device, {.x = x.value().matrix<const T>(),
                                             .weight = weight.value().matrix<const T>(),
                                             .dy = dy.matrix<const T>().column_block(first, weight.shape()[0]),
                                             .dx = dx.tensor.matrix<T>(),
                                             .dx_accumulate = dx.accumulate,
                                             .dweight = t.slot(weight).tensor.matrix<float>()});
        dx.accumulate = Accumulate::yes;
        first += weight.shape()[0];
      }
    });
  });
  return y;
}

}  // namespace polonaise
