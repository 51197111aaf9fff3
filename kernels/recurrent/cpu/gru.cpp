#include "kernels/recurrent/cpu/stack.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/recurrent/cpu/gru.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/recurrent/cpu/loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

struct Gru : CellOf<Cell::gru> {
  using Equations = GruCell<Vec>;
  // Slots: r, z, n and the recurrent share of n's pre-activation, whose place its gradient takes in backward.
  static constexpr int kUnits = 1, kBiases = 4;
  static constexpr bool kPassesState = true;

  static float bias(Index block, const float* bias_ih, const float* bias_hh, Index H) {
    if (block < 2) return bias_ih[block * H] + bias_hh[block * H];
    return block == 2 ? bias_ih[2 * H] : bias_hh[2 * H];
  }

  static HWY_INLINE void forward(const Vec* z, const float* bias, const CellRow& row, Index H, Index unit,
                                 Index count) {
    const Floats d;
    const auto biased = [&](Index gate, Vec sum) { return sum + hn::LoadU(d, bias + gate * lanes()); };
    const auto product = [&](Index gate) { return load_n(row.product + gate * H + unit, count); };
    const Vec h_n = biased(3, z[2]);
    const auto gates =
        Equations::activate(biased(0, z[0] + product(0)), biased(1, z[1] + product(1)), biased(2, product(2)), h_n);
    const Vec h = Equations::next_h(gates, load_or_zero(row.h_before, unit, count));
    store_n(gates.r, row.gates + unit, count);
    store_n(gates.z, row.gates + H + unit, count);
    store_n(gates.n, row.gates + 2 * H + unit, count);
    store_n(h_n, row.gates + 3 * H + unit, count);
    store_n(h, row.h + unit, count);
  }

  static HWY_INLINE void backward(const CellGradientRow& row, Index H, Index unit, Index count) {
    const Equations::Gates gates{load_n(row.gates + unit, count), load_n(row.gates + H + unit, count),
                                 load_n(row.gates + 2 * H + unit, count)};
    const Vec dh = load_n(row.dh + unit, count) + load_or_zero(row.dy, unit, count);
    const auto d = Equations::backward(gates, load_or_zero(row.h_before, unit, count),
                                       load_n(row.gates + 3 * H + unit, count), dh);
    store_n(d.d_r, row.dgates + unit, count);
    store_n(d.d_z, row.dgates + H + unit, count);
    store_n(d.d_x_n, row.dgates + 2 * H + unit, count);
    store_n(d.d_h_n, row.gates + 3 * H + unit, count);
    store_n(d.dh, row.dh + unit, count);
  }
};

const CellLoops& gru_loops() {
  return cell_loops<Gru>();
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(gru_loops);

template <>
const CellLoops& loops_of<Cell::gru>() {
  return HWY_DYNAMIC_DISPATCH(gru_loops)();
}

}  // namespace polonaise::kernels
#endif
