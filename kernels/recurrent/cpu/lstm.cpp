#include "kernels/recurrent/cpu/stack.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/recurrent/cpu/lstm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/recurrent/cpu/loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

struct Lstm : CellOf<Cell::lstm> {
  using Equations = LstmCell<Vec>;
  static constexpr int kUnits = 1, kBiases = 4;
  static constexpr bool kPassesState = false;

  static float bias(Index block, const float* bias_ih, const float* bias_hh, Index H) {
    return bias_ih[block * H] + bias_hh[block * H];
  }

  static HWY_INLINE void forward(const Vec* z, const float* bias, const CellRow& row, Index H, Index unit,
                                 Index count) {
    const Floats d;
    Vec sum[4];
    for (Index gate = 0; gate < 4; ++gate)
      sum[gate] = z[gate] + load_n(row.product + gate * H + unit, count) + hn::LoadU(d, bias + gate * lanes());
    const auto gates = Equations::activate(sum[0], sum[1], sum[2], sum[3]);
    const Vec c = Equations::next_c(gates, load_or_zero(row.c_before, unit, count));
    store_n(gates.i, row.gates + unit, count);
    store_n(gates.f, row.gates + H + unit, count);
    store_n(gates.g, row.gates + 2 * H + unit, count);
    store_n(gates.o, row.gates + 3 * H + unit, count);
    store_n(c, row.c + unit, count);
    store_n(Equations::next_h(gates, c), row.h + unit, count);
  }

  static HWY_INLINE void backward(const CellGradientRow& row, Index H, Index unit, Index count) {
    const Equations::Gates gates{load_n(row.gates + unit, count), load_n(row.gates + H + unit, count),
                                 load_n(row.gates + 2 * H + unit, count), load_n(row.gates + 3 * H + unit, count)};
    const Vec dh = load_n(row.dh + unit, count) + load_or_zero(row.dy, unit, count);
    const auto d = Equations::backward(gates, load_or_zero(row.c_before, unit, count), load_n(row.c + unit, count), dh,
                                       load_n(row.dc + unit, count));
    store_n(d.dz.i, row.dgates + unit, count);
    store_n(d.dz.f, row.dgates + H + unit, count);
    store_n(d.dz.g, row.dgates + 2 * H + unit, count);
    store_n(d.dz.o, row.dgates + 3 * H + unit, count);
    store_n(d.dc, row.dc + unit, count);
  }
};

const CellLoops& lstm_loops() {
  return cell_loops<Lstm>();
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(lstm_loops);

template <>
const CellLoops& loops_of<Cell::lstm>() {
  return HWY_DYNAMIC_DISPATCH(lstm_loops)();
}

}  // namespace polonaise::kernels
#endif
