#include "kernels/recurrent/cpu/stack.h"

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/base/require.h"
#include "kernels/cpu/parallel.h"
#include "kernels/matmul/matmul.h"
#include "kernels/pointwise/pointwise.h"

namespace polonaise::kernels {
namespace {

// dweight += dz^T x.
void add_weight_gradient(Cpu& cpu, View<const float, 2> dz, View<const float, 2> x, View<float, 2> dweight) {
  matmul<float>(cpu, {.a = dz, .op_a = Op::transpose, .b = x, .c = dweight, .accumulate = Accumulate::yes});
}

}  // namespace

namespace {

const CellLoops& loops_of(Cell cell) {
  return [cell]<std::size_t... kCell>(std::index_sequence<kCell...>)->const CellLoops& {
    constexpr std::array loops{&kernels::loops_of<static_cast<Cell>(kCell)>...};
    return loops[static_cast<std::size_t>(cell)]();
  }
  (std::make_index_sequence<kCells>());
}

}  // namespace

RecurrentStack::RecurrentStack(const RecurrentShape& shape) : cell_(loops_of(shape.cell)), layout_(shape), s_(shape) {}

Index RecurrentStack::packed_stride() const {
  return cell_.packed_size(s_.H) + cell_.packed_input_size(s_.H);
}

Index RecurrentStack::packed_size() const {
  return s_.layers * s_.directions * packed_stride();
}

Index RecurrentStack::scratch_size() const {
  return layout_.outputs() + s_.directions * (1 + s_.states()) * layout_.states();
}

void RecurrentStack::pack(std::span<const RecurrentLayer<const float>> weights, View<float, 1> packed) const {
  check_recurrent_weights(s_, weights);
  require(packed.size() == packed_size(), "packed must have recurrent_packed_size elements");
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const RecurrentLayer<const float>& w = weights[i];
    float* out = packed.data() + static_cast<Index>(i) * packed_stride();
    cell_.pack(s_.H, w, out);
    if (!w.weight_ih.empty() && s_.directions == 1) cell_.pack_input(s_.H, w.weight_ih, out + cell_.packed_size(s_.H));
  }
}

void RecurrentStack::forward(Cpu& cpu, const RecurrentForward<float>& f) const {
  f.check(s_, packed_size());
  const Index width = layout_.width();
  for (Index layer = 0; layer < s_.layers; ++layer) {
    const View<float, 2> y = layout_.output(layer, f.saved, f.dropout.p, f.y);
    std::vector<TimeLoop> loops;
    for (Index direction = 0; direction < s_.directions; ++direction) {
      TimeLoop loop = time_loop(layer, direction, f);
      loop.y = y.column_block(direction * s_.H, s_.H);
      if (layer == 0) {
        loop.product = f.input.matrix().column_block(direction * width, width);
      } else {
        const View<float, 2> product = loop.gates.column_block(0, width);
        matmul<float>(cpu, {.a = layout_.input(layer, f.saved, f.dropout.p),
                            .b = f.weights[layout_.index(layer, direction)].weight_ih,
                            .op_b = Op::transpose,
                            .c = product});
        loop.product = product;
      }
      loops.push_back(loop);
    }
    run(cpu, loops, cell_.forward);
    for (const TimeLoop& loop : loops) last_states(layer, loop, f);
    if (f.dropout.p > 0 && layer + 1 < s_.layers)
      dropout<float>(cpu, {.x = layout_.as_sequence(y),
                           .y = layout_.as_sequence(layout_.input(layer + 1, f.saved, f.dropout.p)),
                           .p = f.dropout.p,
                           .stream = dropout_stream(f.dropout, layer),
                           .first_row = f.dropout.first_row});
  }
}

void RecurrentStack::backward(Cpu& cpu, const RecurrentBackward<float>& b) const {
  b.check(s_, packed_size(), scratch_size());
  const Index width = layout_.width(), states = layout_.states();
  const View<float, 2> d_lower(b.scratch.data(), {s_.T * s_.B, s_.directions * s_.H});
  View<const float, 2> dy = b.dy.empty() ? View<const float, 2>() : b.dy.matrix();
  for (Index layer = s_.layers - 1; layer >= 0; --layer) {
    const View<float, 2> y = layout_.output(layer, b.saved, b.dropout.p, writable(b.y));
    std::vector<TimeLoopBackward> loops;
    for (Index direction = 0; direction < s_.directions; ++direction) {
      const auto input_block = [&](const auto& view) { return view.matrix().column_block(direction * width, width); };
      TimeLoopBackward loop;
      static_cast<TimeLoop&>(loop) = time_loop(layer, direction, b);
      loop.y = y.column_block(direction * s_.H, s_.H);
      if (!dy.empty()) loop.dy = dy.column_block(direction * s_.H, s_.H);
      const bool direct = layer == 0 && b.dinput_accumulate == Accumulate::no;
      loop.dgates = direct ? input_block(b.dinput) : loop.gates.column_block(0, width);
      const Index carried = (1 + s_.states()) * states;
      loop.dh = b.scratch.data() + layout_.outputs() + direction * carried;
      loop.dc = loop.dh + states;
      std::fill(loop.dh, loop.dh + carried, 0.0f);
      if (!b.dhn.empty()) {
        const float* dhn = b.dhn.data() + static_cast<Index>(layout_.index(layer, direction)) * states;
        std::copy(dhn, dhn + states, loop.dh);
      }
      loops.push_back(loop);
    }
    run(cpu, loops, cell_.backward);
    for (Index direction = 0; direction < s_.directions; ++direction) {
      const TimeLoopBackward& loop = loops[static_cast<std::size_t>(direction)];
      weight_gradients(cpu, layer, loop, b);
      if (layer > 0)
        matmul<float>(cpu, {.a = loop.dgates,
                            .b = b.weights[layout_.index(layer, direction)].weight_ih,
                            .c = d_lower,
                            .accumulate = direction == 0 ? Accumulate::no : Accumulate::yes});
      else if (b.dinput_accumulate == Accumulate::yes)
        copy<float>(cpu, loop.dgates, b.dinput.matrix().column_block(direction * width, width), Accumulate::yes);
    }
    if (b.dropout.p > 0 && layer > 0)
      dropout<float>(cpu, {.x = layout_.as_sequence(d_lower),
                           .y = layout_.as_sequence(d_lower),
                           .p = b.dropout.p,
                           .stream = dropout_stream(b.dropout, layer - 1),
                           .first_row = b.dropout.first_row});
    dy = d_lower;
  }
}

void RecurrentStack::step(const RecurrentStep<float>& step) const {
  step.check(s_, packed_size());
  const Index states = s_.B * s_.H;
  for (Index layer = 0; layer < s_.layers; ++layer) {
    CellStep cell{.B = s_.B, .H = s_.H, .packed = step.packed.data() + layer * packed_stride()};
    cell.h = step.h.data() + layer * states;
    cell.c = s_.states() > 0 ? step.c.data() + layer * s_.states() * states : nullptr;
    if (layer == 0) {
      cell.product = step.input;
    } else {
      cell.x = step.h.data() + (layer - 1) * states;
      cell.packed_input = cell.packed + cell_.packed_size(s_.H);
    }
    cell_.step(cell);
  }
}

template <class Arguments>
TimeLoop RecurrentStack::time_loop(Index layer, Index direction, const Arguments& a) const {
  TimeLoop loop{.T = s_.T, .B = s_.B, .H = s_.H, .reverse = direction == 1};
  const Index states = layout_.states();
  loop.packed = a.packed.data() + static_cast<Index>(layout_.index(layer, direction)) * packed_stride();
  loop.lengths = a.lengths.data();
  loop.h0 = a.h0.empty() ? nullptr : a.h0.data() + layer * states;
  loop.c0 = a.c0.empty() ? nullptr : a.c0.data() + layer * s_.states() * states;
  loop.gates = layout_.gates(layer, direction, a.saved);
  loop.c = layout_.c(layer, direction, a.saved);
  return loop;
}

// Directions and blocks of rows are independent of each other through all of time.
template <class Loop>
void RecurrentStack::run(Cpu& cpu, const std::vector<Loop>& loops, void (*body)(const Loop&)) const {
  parallel_for(cpu, ceil_div(s_.B, kRowBlock) * s_.directions, [&](Index task) {
    Loop loop = loops[static_cast<std::size_t>(task % s_.directions)];
    loop.first_row = task / s_.directions * kRowBlock;
    loop.row_count = std::min(kRowBlock, s_.B - loop.first_row);
    body(loop);
  });
}

void RecurrentStack::last_states(Index layer, const TimeLoop& loop, const RecurrentForward<float>& f) const {
  const auto gather = [&](const View<float, 2>& steps, const float* initial, const View<float, 3>& out) {
    if (out.empty()) return;
    const Index width = steps.columns();
    float* to = out.data() + static_cast<Index>(layout_.index(layer, loop.reverse ? 1 : 0)) * s_.B * width;
    for (Index row = 0; row < s_.B; ++row, to += width) {
      const Index length = loop.lengths ? loop.lengths[row] : s_.T;
      const float* from = initial ? initial + row * width : nullptr;
      if (length > 0) from = steps.row((loop.reverse ? 0 : length - 1) * s_.B + row);
      if (from)
        std::copy(from, from + width, to);
      else
        std::fill(to, to + width, 0.0f);
    }
  };
  gather(loop.y, loop.h0, f.hn);
  if (s_.states() > 0) gather(loop.c, loop.c0, f.cn);
}

// The products over all steps: dweight_ih from the layer below, dweight_hh from the states one step earlier in the
// direction of time, biases as column sums.
void RecurrentStack::weight_gradients(Cpu& cpu, Index layer, const TimeLoopBackward& loop,
                                      const RecurrentBackward<float>& b) const {
  const RecurrentLayer<float>& d = b.gradients[layout_.index(layer, loop.reverse ? 1 : 0)];
  if (layer > 0 && !d.weight_ih.empty())
    add_weight_gradient(cpu, loop.dgates, layout_.input(layer, b.saved, b.dropout.p), d.weight_ih);
  if (!d.bias_ih.empty()) cell_.add_column_sums(loop.dgates, d.bias_ih.data());

  const auto recurrent = [&](View<const float, 2> dz, Index first) {
    if (!d.bias_hh.empty()) cell_.add_column_sums(dz, d.bias_hh.data() + first);
    if (d.weight_hh.empty()) return;
    const View<float, 2> dweight = d.weight_hh.row_block(first, dz.columns());
    const Index earlier = (s_.T - 1) * s_.B;
    if (earlier > 0)
      add_weight_gradient(cpu, dz.row_block(loop.reverse ? 0 : s_.B, earlier),
                          loop.y.row_block(loop.reverse ? s_.B : 0, earlier), dweight);
    if (loop.h0) add_weight_gradient(cpu, dz.row_block(0, s_.B), View<const float, 2>(loop.h0, {s_.B, s_.H}), dweight);
  };
  const CellShape& cell = layout_.cell;
  const Index shared = (cell.last_apart ? cell.gates - 1 : cell.gates) * s_.H;
  recurrent(loop.dgates.column_block(0, shared), 0);
  if (cell.last_apart) recurrent(loop.gates.column_block((cell.slots - 1) * s_.H, s_.H), shared);
}

Index recurrent_packed_size(const Cpu&, const RecurrentShape& shape) {
  return RecurrentStack(shape).packed_size();
}
Index recurrent_saved_size(const Cpu&, const RecurrentShape& shape, float dropout) {
  return RecurrentStack(shape).saved_size(dropout);
}
Index recurrent_scratch_size(const Cpu&, const RecurrentShape& shape) {
  return RecurrentStack(shape).scratch_size();
}

template <>
void recurrent_pack<float>(Cpu&, const RecurrentShape& shape, std::span<const RecurrentLayer<const float>> weights,
                           View<float, 1> packed) {
  RecurrentStack(shape).pack(weights, packed);
}
template <>
void recurrent_forward<float>(Cpu& cpu, const RecurrentShape& shape, const RecurrentForward<float>& arguments) {
  RecurrentStack(shape).forward(cpu, arguments);
}
template <>
void recurrent_backward<float>(Cpu& cpu, const RecurrentShape& shape, const RecurrentBackward<float>& arguments) {
  RecurrentStack(shape).backward(cpu, arguments);
}
template <>
void recurrent_step<float>(Cpu&, const RecurrentShape& shape, const RecurrentStep<float>& arguments) {
  RecurrentStack(shape).step(arguments);
}

}  // namespace polonaise::kernels
