#include "kernels/recurrent/cpu/stack.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/recurrent/cpu/slstm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/recurrent/cpu/loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

struct Slstm : CellOf<Cell::slstm> {
  using Equations = SlstmCell<Vec>;
  static constexpr int kUnits = 1, kBiases = 4;
  static constexpr bool kPassesState = false;

  static float bias(Index block, const float* bias_ih, const float* bias_hh, Index H) {
    return bias_ih[block * H] + bias_hh[block * H];
  }

  static HWY_INLINE void forward(const Vec* z, const float* bias, const CellRow& row, Index H, Index unit,
                                 Index count) {
    const Floats d;
    const auto sum = [&](Index gate) {
      return z[gate] + load_n(row.product + gate * H + unit, count) + hn::LoadU(d, bias + gate * lanes());
    };
    const auto before = [&](Index i) { return load_or_zero(row.c_before, i * H + unit, count); };
    const auto [gates, next] = Equations::forward(sum(0), sum(1), sum(2), sum(3), {before(0), before(1), before(2)});
    store_n(gates.i, row.gates + unit, count);
    store_n(gates.f, row.gates + H + unit, count);
    store_n(gates.z, row.gates + 2 * H + unit, count);
    store_n(gates.o, row.gates + 3 * H + unit, count);
    store_n(gates.shut, row.gates + 4 * H + unit, count);
    store_n(next.c, row.c + unit, count);
    store_n(next.n, row.c + H + unit, count);
    store_n(next.m, row.c + 2 * H + unit, count);
    store_n(Equations::next_h(gates, next), row.h + unit, count);
  }

  static HWY_INLINE void backward(const CellGradientRow& row, Index H, Index unit, Index count) {
    const auto gate = [&](Index i) { return load_n(row.gates + i * H + unit, count); };
    const auto before = [&](Index i) { return load_or_zero(row.c_before, i * H + unit, count); };
    const auto after = [&](Index i) { return load_n(row.c + i * H + unit, count); };
    const Vec dh = load_n(row.dh + unit, count) + load_or_zero(row.dy, unit, count);
    const auto d = Equations::backward({gate(0), gate(1), gate(2), gate(3), gate(4)}, before(0), before(1),
                                       {after(0), after(1), after(2)}, dh, load_n(row.dc + unit, count),
                                       load_n(row.dc + H + unit, count));
    store_n(d.dz.i, row.dgates + unit, count);
    store_n(d.dz.f, row.dgates + H + unit, count);
    store_n(d.dz.z, row.dgates + 2 * H + unit, count);
    store_n(d.dz.o, row.dgates + 3 * H + unit, count);
    store_n(d.dc, row.dc + unit, count);
    store_n(d.dn, row.dc + H + unit, count);
  }
};

const CellLoops& slstm_loops() {
  return cell_loops<Slstm>();
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(slstm_loops);

template <>
const CellLoops& loops_of<Cell::slstm>() {
  return HWY_DYNAMIC_DISPATCH(slstm_loops)();
}

}  // namespace polonaise::kernels
#endif
