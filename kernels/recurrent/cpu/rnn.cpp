#include "kernels/recurrent/cpu/stack.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/recurrent/cpu/rnn.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/recurrent/cpu/loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

struct Rnn : CellOf<Cell::rnn> {
  using Equations = RnnCell<Vec>;
  static constexpr int kUnits = 4, kBiases = 1;
  static constexpr bool kPassesState = false;

  static float bias(Index, const float* bias_ih, const float* bias_hh, Index) { return *bias_ih + *bias_hh; }

  static HWY_INLINE void forward(const Vec* z, const float* bias, const CellRow& row, Index, Index unit, Index count) {
    const Vec sum = z[0] + load_n(row.product + unit, count) + hn::LoadU(Floats(), bias);
    store_n(Equations::forward(sum), row.h + unit, count);
  }

  static HWY_INLINE void backward(const CellGradientRow& row, Index, Index unit, Index count) {
    const Vec dh = load_n(row.dh + unit, count) + load_or_zero(row.dy, unit, count);
    store_n(Equations::backward(load_n(row.h + unit, count), dh), row.dgates + unit, count);
  }
};

const CellLoops& rnn_loops() {
  return cell_loops<Rnn>();
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(rnn_loops);

template <>
const CellLoops& loops_of<Cell::rnn>() {
  return HWY_DYNAMIC_DISPATCH(rnn_loops)();
}

}  // namespace polonaise::kernels
#endif
