// The time loops of the recurrent cells for one vector target: packing, forward, backward, step. Included inside a
// kernel file after <hwy/highway.h>, once per target, hence the toggled guard.
#if defined(POLONAISE_KERNELS_CPU_RECURRENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef POLONAISE_KERNELS_CPU_RECURRENT_INL_H_
#undef POLONAISE_KERNELS_CPU_RECURRENT_INL_H_
#else
#define POLONAISE_KERNELS_CPU_RECURRENT_INL_H_
#endif

#include "kernels/cpu/column_sums-inl.h"
#include "kernels/cpu/simd-inl.h"
#include "kernels/recurrent/cpu/stack.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

#include "kernels/recurrent/cells.inc"

// Packed weights. A panel holds, for each k, the weights from k to kUnits vectors of hidden units, all gates of a unit
// in the same lane of consecutive vectors, so that a cell's whole pre-activation meets in registers and is activated
// there. Unused lanes of the last panel are 0. A layer in one direction is
//   forward panels [panel][k][gate][unit vector] | biases [panel][bias][unit vector] | backward panels
// where the backward panels hold weight_hh itself, two vectors of inputs for each k = (gate, unit).
//
// A Cell is a CellOf (layout.h) and says: kUnits, kBiases (bias blocks: input and recurrent biases are added where the
// cell allows), kPassesState (h passes on part of its gradient directly); and the equations on one vector.

inline constexpr Index kBackwardVectors = 2;

template <class Cell>
Index panel_units() {
  return Cell::kUnits * lanes();
}
template <class Cell>
Index panel_floats(Index k) {
  return k * Cell::kGates * panel_units<Cell>();
}
template <class Cell>
Index bias_offset(Index H) {
  return ceil_div(H, panel_units<Cell>()) * panel_floats<Cell>(H);
}
template <class Cell>
Index backward_offset(Index H) {
  return bias_offset<Cell>(H) + ceil_div(H, panel_units<Cell>()) * Cell::kBiases * panel_units<Cell>();
}
inline Index backward_panel_floats(Index k) {
  return k * kBackwardVectors * lanes();
}

template <class Cell>
Index packed_size(Index H) {
  return backward_offset<Cell>(H) + ceil_div(H, kBackwardVectors * lanes()) * backward_panel_floats(Cell::kGates * H);
}
template <class Cell>
Index packed_input_size(Index H) {
  return bias_offset<Cell>(H);
}

// Panels of weight [kGates*H, K] in forward order.
template <class Cell>
void pack_panels(Index H, View<const float, 2> weight, float* out) {
  const Index units = panel_units<Cell>();
  for (Index first = 0; first < H; first += units)
    for (Index k = 0; k < weight.columns(); ++k)
      for (Index gate = 0; gate < Cell::kGates; ++gate)
        for (Index unit = first; unit < first + units; ++unit)
          *out++ = unit < H ? weight.row(gate * H + unit)[k] : 0.0f;
}

template <class Cell>
void pack_weights(Index H, const RecurrentLayer<const float>& w, float* out) {
  pack_panels<Cell>(H, w.weight_hh, out);
  float* bias = out + bias_offset<Cell>(H);
  const Index units = panel_units<Cell>();
  for (Index first = 0; first < H; first += units)
    for (Index block = 0; block < Cell::kBiases; ++block)
      for (Index unit = first; unit < first + units; ++unit)
        *bias++ = unit < H ? Cell::bias(block, w.bias_ih.data() + unit, w.bias_hh.data() + unit, H) : 0.0f;
  float* panel = out + backward_offset<Cell>(H);
  const Index width = kBackwardVectors * lanes();
  for (Index first = 0; first < H; first += width)
    for (Index k = 0; k < Cell::kGates * H; ++k)
      for (Index column = first; column < first + width; ++column)
        *panel++ = column < H ? w.weight_hh.row(k)[column] : 0.0f;
}

// sums[r][v] += sum_k a[r][k] panel[k][v]
template <int kRows, int kVectors>
HWY_INLINE void multiply_panel(const float* const (&a)[kRows], Index K, const float* HWY_RESTRICT panel,
                               Vec (&sums)[kRows][kVectors]) {
  const Floats d;
  const Index step = lanes();
  for (Index k = 0; k < K; ++k, panel += kVectors * step) {
    Vec b[kVectors];
    for (int v = 0; v < kVectors; ++v) b[v] = hn::LoadU(d, panel + v * step);
    for (int r = 0; r < kRows; ++r) {
      const Vec x = hn::Set(d, a[r][k]);
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(x, b[v], sums[r][v]);
    }
  }
}

template <int kRows, int kVectors>
HWY_INLINE void clear(Vec (&sums)[kRows][kVectors]) {
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(Floats());
}

inline Vec load_or_zero(const float* p, Index offset, Index count) {
  return p ? load_n(p + offset, count) : hn::Zero(Floats());
}

// The addresses of one row of one step; null means zeros.
struct CellRow {
  const float* product;
  float* gates;
  const float* h_before;
  const float* c_before;
  float* h;
  float* c;
};

// kRows rows of one step.
template <class Cell, int kRows>
HWY_INLINE void forward_rows(const TimeLoop& loop, const CellRow* rows) {
  constexpr int kVectors = Cell::kGates * Cell::kUnits;
  const Index H = loop.H, step = lanes();
  const float* panel = loop.packed;
  const float* bias = loop.packed + bias_offset<Cell>(H);
  const float* h_before[kRows];
  for (int r = 0; r < kRows; ++r) h_before[r] = rows[r].h_before;
  for (Index first = 0; first < H; first += Cell::kUnits * step) {
    Vec sums[kRows][kVectors];
    clear(sums);
    if (h_before[0]) multiply_panel(h_before, H, panel, sums);
    for (int r = 0; r < kRows; ++r)
      for (int u = 0; u < Cell::kUnits; ++u) {
        const Index unit = first + u * step;
        if (unit >= H) break;
        Cell::forward(&sums[r][u], bias + u * step, rows[r], H, unit, std::min(step, H - unit));
      }
    panel += panel_floats<Cell>(H);
    bias += Cell::kBiases * Cell::kUnits * step;
  }
}

inline bool silent(const TimeLoop& loop, Index t, Index row) {
  return loop.lengths && t >= loop.lengths[row];
}

inline void set_zero(float* x, Index n) {
  if (x) std::fill(x, x + n, 0.0f);
}

template <class Cell>
void sequence_forward(const TimeLoop& loop) {
  // Sixteen registers carry two rows of an LSTM panel, thirty-two carry four.
  constexpr int kTile = (HWY_TARGET <= HWY_AVX3 ? 4 : 2) * (Cell::kGates * Cell::kUnits <= 3 ? 2 : 1);
  const Index B = loop.B, H = loop.H;
  CellRow rows[kRowBlock];
  for (Index s = 0; s < loop.T; ++s) {
    const Index t = loop.reverse ? loop.T - 1 - s : s;
    const Index before = (loop.reverse ? t + 1 : t - 1) * B;
    for (Index i = 0; i < loop.row_count; ++i) {
      const Index b = loop.first_row + i, now = t * B + b;
      rows[i] = {.product = loop.product.row(now),
                 .gates = loop.gates.row(now),
                 .h_before = s > 0     ? loop.y.row(before + b)
                             : loop.h0 ? loop.h0 + b * H
                                       : nullptr,
                 .c_before = Cell::kStates == 0 ? nullptr
                             : s > 0            ? loop.c.row(before + b)
                             : loop.c0          ? loop.c0 + b * Cell::kStates * H
                                                : nullptr,
                 .h = loop.y.row(now),
                 .c = Cell::kStates > 0 ? loop.c.row(now) : nullptr};
    }
    Index i = 0;
    for (; i + kTile <= loop.row_count; i += kTile) forward_rows<Cell, kTile>(loop, rows + i);
    for (; i < loop.row_count; ++i) forward_rows<Cell, 1>(loop, rows + i);
    for (i = 0; i < loop.row_count; ++i)
      if (silent(loop, t, loop.first_row + i)) {
        set_zero(rows[i].gates, Cell::kSlots * H);
        set_zero(rows[i].h, H);
        set_zero(rows[i].c, Cell::kStates * H);
      }
  }
}

struct CellGradientRow {
  const float* dy;  // null: zero
  float* gates;
  const float* h;
  const float* h_before;
  const float* c;
  const float* c_before;
  float* dgates;
  float* dh;  // carried: in, the gradient from the later step; out, what the cell passes on directly (GRU)
  float* dc;
};

// dh[r] (+)= sum_k dz[r][k] panel[k]: the recurrent product's share of the gradient of the state before.
template <int kRows>
HWY_INLINE void carry_back(const float* const (&dz)[kRows], Index K, Index skip, const float* panels,
                           Index panel_stride, float* const (&dh)[kRows], Index H, bool add) {
  const Index step = lanes();
  for (Index first = 0; first < H; first += kBackwardVectors * step, panels += panel_stride) {
    Vec sums[kRows][kBackwardVectors];
    clear(sums);
    multiply_panel(dz, K, panels + backward_panel_floats(skip), sums);
    for (int r = 0; r < kRows; ++r)
      for (Index v = 0; v < kBackwardVectors; ++v) {
        const Index unit = first + v * step;
        if (unit >= H) break;
        const Index count = std::min(step, H - unit);
        float* to = dh[r] + unit;
        store_n(add ? load_n(to, count) + sums[r][v] : sums[r][v], to, count);
      }
  }
}

template <class Cell, int kRows>
HWY_INLINE void carry_back_rows(const TimeLoopBackward& loop, const CellGradientRow* rows) {
  const Index H = loop.H, K = Cell::kGates * H;
  const float* panels = loop.packed + backward_offset<Cell>(H);
  float* dh[kRows];
  const float* dz[kRows];
  for (int r = 0; r < kRows; ++r) dh[r] = rows[r].dh;
  constexpr Index kShared = Cell::kLastApart ? Cell::kGates - 1 : Cell::kGates;
  for (int r = 0; r < kRows; ++r) dz[r] = rows[r].dgates;
  carry_back(dz, kShared * H, 0, panels, backward_panel_floats(K), dh, H, Cell::kPassesState);
  if constexpr (Cell::kLastApart) {
    for (int r = 0; r < kRows; ++r) dz[r] = rows[r].gates + (Cell::kSlots - 1) * H;
    carry_back(dz, H, kShared * H, panels, backward_panel_floats(K), dh, H, true);
  }
}

template <class Cell>
void sequence_backward(const TimeLoopBackward& loop) {
  constexpr int kTile = 4;
  const Index B = loop.B, H = loop.H;
  CellGradientRow rows[kRowBlock];
  for (Index s = loop.T - 1; s >= 0; --s) {
    const Index t = loop.reverse ? loop.T - 1 - s : s;
    const Index before = (loop.reverse ? t + 1 : t - 1) * B;
    Index active = 0;
    for (Index i = 0; i < loop.row_count; ++i) {
      const Index b = loop.first_row + i, now = t * B + b;
      const CellGradientRow row{.dy = loop.dy.empty() ? nullptr : loop.dy.row(now),
                                .gates = loop.gates.row(now),
                                .h = loop.y.row(now),
                                .h_before = s > 0     ? loop.y.row(before + b)
                                            : loop.h0 ? loop.h0 + b * H
                                                      : nullptr,
                                .c = Cell::kStates > 0 ? loop.c.row(now) : nullptr,
                                .c_before = Cell::kStates == 0 ? nullptr
                                            : s > 0            ? loop.c.row(before + b)
                                            : loop.c0          ? loop.c0 + b * Cell::kStates * H
                                                               : nullptr,
                                .dgates = loop.dgates.row(now),
                                .dh = loop.dh + b * H,
                                .dc = loop.dc + b * Cell::kStates * H};
      if (silent(loop, t, b)) {
        set_zero(row.gates, Cell::kSlots * H);
        set_zero(row.dgates, Cell::kGates * H);
      } else {
        for_each_vector(H, [&](Index unit, Index count) { Cell::backward(row, H, unit, count); });
        rows[active++] = row;
      }
    }
    if (s == 0) break;
    Index i = 0;
    for (; i + kTile <= active; i += kTile) carry_back_rows<Cell, kTile>(loop, rows + i);
    for (; i < active; ++i) carry_back_rows<Cell, 1>(loop, rows + i);
  }
}

// Runs one step of one layer, row by row; a row's previous state is overwritten only when the row is done.
template <class Cell>
void cell_step(const CellStep& cell) {
  constexpr int kVectors = Cell::kGates * Cell::kUnits;
  const Index H = cell.H, step = lanes();
  std::vector<float> memory(static_cast<std::size_t>((Cell::kSlots + 1 + Cell::kGates) * H));
  float* gates = memory.data();
  float* next_h = gates + Cell::kSlots * H;
  float* product = next_h + H;
  for (Index b = 0; b < cell.B; ++b) {
    float* h = cell.h + b * H;
    float* c = Cell::kStates > 0 ? cell.c + b * Cell::kStates * H : nullptr;
    CellRow row{.product = cell.x ? product : cell.product.row(b),
                .gates = gates,
                .h_before = h,
                .c_before = c,
                .h = next_h,
                .c = c};
    const float* const h_before[1] = {h};
    for (Index first = 0; first < H; first += Cell::kUnits * step) {
      const Index panel = first / (Cell::kUnits * step);
      if (cell.x) {
        Vec sums[1][kVectors];
        clear(sums);
        const float* const x[1] = {cell.x + b * H};
        multiply_panel(x, H, cell.packed_input + panel * panel_floats<Cell>(H), sums);
        for (int gate = 0; gate < Cell::kGates; ++gate)
          for (int u = 0; u < Cell::kUnits && first + u * step < H; ++u)
            store_n(sums[0][gate * Cell::kUnits + u], product + gate * H + first + u * step,
                    std::min(step, H - first - u * step));
      }
      Vec sums[1][kVectors];
      clear(sums);
      multiply_panel(h_before, H, cell.packed + panel * panel_floats<Cell>(H), sums);
      const float* bias = cell.packed + bias_offset<Cell>(H) + panel * Cell::kBiases * Cell::kUnits * step;
      for (int u = 0; u < Cell::kUnits && first + u * step < H; ++u)
        Cell::forward(&sums[0][u], bias + u * step, row, H, first + u * step, std::min(step, H - first - u * step));
    }
    std::copy(next_h, next_h + H, h);
  }
}

inline void add_all_column_sums(View<const float, 2> x, float* sums) {
  add_column_sums(x.data(), x.stride(), x.rows(), x.columns(), sums);
}

template <class Cell>
const CellLoops& cell_loops() {
  static constexpr CellLoops loops{.packed_size = packed_size<Cell>,
                                   .packed_input_size = packed_input_size<Cell>,
                                   .pack = pack_weights<Cell>,
                                   .pack_input = pack_panels<Cell>,
                                   .forward = sequence_forward<Cell>,
                                   .backward = sequence_backward<Cell>,
                                   .step = cell_step<Cell>,
                                   .add_column_sums = add_all_column_sums};
  return loops;
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
