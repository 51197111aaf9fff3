#include "kernels/attention/attention.h"

#include "runtime/ops.h"

namespace polonaise {

Var attention(Tape& tape, const Var& qkv, Index heads, View<const float, 2> rotary, const Var& relative) {
  const Index B = qkv.shape()[0], T_ = qkv.shape()[1], width = qkv.shape()[2] / 3;
  const kernels::AttentionShape shape{.B = B, .T = T_, .N = heads, .D = width / heads};
  const Var y = tape.output({B, T_, width}, qkv.dtype(), qkv.needs_gradient());
  const View<float, 3> log_sum(tape.allocate<float>(B * heads * T_), {B, heads, T_});
  const auto positions = [rotary, relative](auto type) {
    using T = typename decltype(type)::type;
    return kernels::AttentionPositions<T>{rotary,
                                          relative ? relative.value().template cube<const T>() : View<const T, 3>()};
  };
  dispatch(tape.device(), qkv.dtype(), [&](auto& device, auto type) {
    using T = typename decltype(type)::type;
    Scratch scratch(tape);
    kernels::attention_forward<T>(device, {.shape = shape,
                                           .qkv = qkv.value().template cube<const T>(),
                                           .positions = positions(type),
                                           .y = y.value().template cube<T>(),
                                           .log_sum = log_sum,
                                           .scratch = scratch.floats(kernels::attention_scratch_size(device, shape))});
  });
  tape.record("attention", y, [=](Tape& t) {
    const Tensor dy = t.gradient(y);
    if (!dy.data) return;
    const GradientSlot dqkv = t.slot(qkv), drelative = t.slot(relative);
    dispatch(t.device(), qkv.dtype(), [&](auto& device, auto type) {
      using T = typename decltype(type)::type;
      Scratch scratch(t);
      kernels::attention_backward<T>(device,
                                     {.shape = shape,
                                      .qkv = qkv.value().template cube<const T>(),
                                      .positions = positions(type),
                                      .y = y.value().template cube<const T>(),
                                      .log_sum = log_sum,
                                      .dy = dy.cube<const T>(),
                                      .dqkv = dqkv.tensor.cube<T>(),
                                      .accumulate = dqkv.accumulate,
                                      .drelative = drelative.tensor.cube<float>(),
                                      .scratch = scratch.floats(kernels::attention_scratch_size(device, shape))});
    });
  });
  return y;
}

}  // namespace polonaise
