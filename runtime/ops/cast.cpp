#include "runtime/ops.h"

namespace polonaise {

Var cast(Tape& tape, const Var& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  const Var y = tape.output(x.shape(), dtype, x.needs_gradient());
  convert(tape.device(), x.value(), y.value(), Accumulate::no);
  tape.record("cast", y, [x, y](Tape& t) {
    const Tensor dy = t.gradient(y);
    if (!dy.data) return;
    const GradientSlot dx = t.slot(x);
    convert(t.device(), dy, dx.tensor, dx.accumulate);
  });
  return y;
}

}  // namespace polonaise
