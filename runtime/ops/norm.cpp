#include "kernels/norm/norm.h"

#include "kernels/pointwise/pointwise.h"
#include "runtime/ops.h"

namespace polonaise {

NormResult add_layer_norm(Tape& tape, const Var& x, const Var& residual, const Var& weight, const Var& bias) {
  const bool wants_gradient = x.needs_gradient() || weight.needs_gradient();
  const Var sum = residual ? tape.output(x.shape(), x.dtype(), wants_gradient) : x;
  const Var y = tape.output(x.shape(), x.dtype(), wants_gradient);
  const View<float, 1> mean = tape.floats(x.shape().rows()), rstd = tape.floats(x.shape().rows());
  const Tensor r = residual ? residual.value() : Tensor{}, s = residual ? sum.value() : Tensor{};
  dispatch(tape.device(), x.dtype(), [&](auto& device, auto type) {
    using T = typename decltype(type)::type;
    kernels::layer_norm_forward<T>(device, {.x = x.value().matrix<const T>(),
                                            .residual = r.matrix<const T>(),
                                            .weight = weight.value().vector<const T>(),
                                            .bias = bias.value().vector<const T>(),
                                            .sum = s.matrix<T>(),
                                            .y = y.value().matrix<T>(),
                                            .mean = mean,
                                            .rstd = rstd});
  });
  tape.record("add_layer_norm", y, residual ? sum : Var(), [=](Tape& t) {
    const Tensor dy = t.gradient(y), dsum = residual ? t.gradient(sum) : Tensor{};
    if (!dy.data && !dsum.data) return;
    const GradientSlot dx = t.slot(x), dresidual = t.slot(residual), dweight = t.slot(weight), dbias = t.slot(bias);
    dispatch(t.device(), x.dtype(), [&](auto& device, auto type) {
      using T = typename decltype(type)::type;
      if (!dy.data) {  // the sum alone was used
        for (const GradientSlot& d : {dx, dresidual})
          if (d.tensor.data) kernels::copy<T>(device, dsum.matrix<const T>(), d.tensor.matrix<T>(), d.accumulate);
        return;
      }
      // The gradient of the sum is that of both of its terms.
      const GradientSlot& ds = dresidual.tensor.data ? dresidual : dx;
      kernels::layer_norm_backward<T>(device, {.sum = sum.value().matrix<const T>(),
                                               .weight = weight.value().vector<const T>(),
                                               .mean = mean,
                                               .rstd = rstd,
                                               .dy = dy.matrix<const T>(),
                                               .dsum = dsum.matrix<const T>(),
                                               .ds = ds.tensor.matrix<T>(),
                                               .accumulate = ds.accumulate,
                                               .dweight = dweight.tensor.vector<float>(),
                                               .dbias = dbias.tensor.vector<float>()});
      if (!dresidual.tensor.data) return;
      require(dresidual.accumulate == Accumulate::no, "a residual branch has one reader");
      if (dx.tensor.data)
        kernels::copy<T>(device, dresidual.tensor.matrix<const T>(), dx.tensor.matrix<T>(), dx.accumulate);
    });
  });
  return {sum, y};
}

}  // namespace polonaise
