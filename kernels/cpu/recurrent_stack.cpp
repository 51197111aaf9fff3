#include "kernels/cpu/recurrent_stack.h"

#include <algorithm>

#include "kernels/cpu/parallel.h"
#include "kernels/matmul.h"
#include "kernels/pointwise.h"
#include "kernels/require.h"

namespace polonaise::kernels {
namespace {

RandomStream dropout_stream(const RecurrentDropout& dropout, Index layer) {
  RandomStream stream = dropout.stream;
  stream.op += static_cast<std::uint32_t>(layer);
  return stream;
}

// Backward only reads y, but finds it where forward wrote it.
View<float, 3> writable(View<const float, 3> y) {
  return {const_cast<float*>(y.data()), y.extents(), y.stride()};
}

}  // namespace

RecurrentStack::RecurrentStack(const CellLoops& cell, const RecurrentShape& shape) : cell_(cell), s_(shape) {
  require(shape.T >= 1 && shape.B >= 1 && shape.H >= 1 && shape.layers >= 1, "sizes must be positive");
  require(shape.directions == 1 || shape.directions == 2, "directions must be 1 or 2");
}

Index RecurrentStack::packed_stride() const {
  return cell_.packed_size(s_.H) + cell_.packed_input_size(s_.H);
}

Index RecurrentStack::packed_size() const {
  return s_.layers * s_.directions * packed_stride();
}

Index RecurrentStack::saved_size(float dropout) const {
  return s_.layers * layer_cells() + (s_.layers - 1) * layer_y() * (dropout > 0 ? 2 : 1);
}

Index RecurrentStack::scratch_size() const {
  return layer_y() + 2 * s_.directions * s_.B * s_.H;
}

void RecurrentStack::pack(std::span<const RecurrentLayer<const float>> weights, View<float, 1> packed) const {
  require(static_cast<Index>(weights.size()) == s_.layers * s_.directions, "one entry for each layer and direction");
  require(packed.size() == packed_size(), "packed must have *_packed_size elements");
  const Index rows = cell_.gates * s_.H;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const RecurrentLayer<const float>& w = weights[i];
    require(w.weight_hh.rows() == rows && w.weight_hh.columns() == s_.H, "weight_hh must be [G*H, H]");
    require(w.bias_ih.size() == rows && w.bias_hh.size() == rows, "biases must be [G*H]");
    float* out = packed.data() + static_cast<Index>(i) * packed_stride();
    cell_.pack(s_.H, w, out);
    if (!w.weight_ih.empty() && s_.directions == 1) cell_.pack_input(s_.H, w.weight_ih, out + cell_.packed_size(s_.H));
  }
}

void RecurrentStack::forward(Cpu& cpu, const RecurrentForward<float>& f) const {
  check(f);
  const Index width = cell_.gates * s_.H;
  require(f.input.size() == s_.T * s_.B * s_.directions * width, "input must be [T,B,directions*G*H]");
  require(f.y.size() == layer_y(), "y must be [T,B,directions*H]");
  for (Index layer = 0; layer < s_.layers; ++layer) {
    const View<float, 2> y = layer_output(layer, f.saved, f.dropout.p, f.y);
    std::vector<TimeLoop> loops;
    for (Index direction = 0; direction < s_.directions; ++direction) {
      TimeLoop loop = time_loop(layer, direction, f);
      loop.y = y.column_block(direction * s_.H, s_.H);
      if (layer == 0) {
        loop.product = f.input.matrix().column_block(direction * width, width);
      } else {
        const View<float, 2> product = loop.gates.column_block(0, width);
        matmul<float>(cpu, layer_input(layer, f.saved, f.dropout.p), Op::none,
                      f.weights[index(layer, direction)].weight_ih, Op::transpose, product, Accumulate::no);
        loop.product = product;
      }
      loops.push_back(loop);
    }
    run(cpu, loops, cell_.forward);
    for (const TimeLoop& loop : loops) last_states(layer, loop, f);
    if (f.dropout.p > 0 && layer + 1 < s_.layers)
      dropout<float>(cpu, f.dropout.p, dropout_stream(f.dropout, layer), f.dropout.first_row, as_sequence(y),
                     as_sequence(layer_input(layer + 1, f.saved, f.dropout.p)), Accumulate::no);
  }
}

void RecurrentStack::backward(Cpu& cpu, const RecurrentBackward<float>& b) const {
  check(b);
  const Index width = cell_.gates * s_.H, states = s_.B * s_.H;
  require(b.gradients.size() == b.weights.size(), "gradients must match the weights");
  require(b.scratch.size() == scratch_size(), "scratch must have *_scratch_size elements");
  require(b.dinput.size() == s_.T * s_.B * s_.directions * width, "dinput must be [T,B,directions*G*H]");
  const View<float, 2> d_lower(b.scratch.data(), {s_.T * s_.B, s_.directions * s_.H});
  View<const float, 2> dy = b.dy.empty() ? View<const float, 2>() : b.dy.matrix();
  for (Index layer = s_.layers - 1; layer >= 0; --layer) {
    const View<float, 2> y = layer_output(layer, b.saved, b.dropout.p, writable(b.y));
    std::vector<TimeLoopBackward> loops;
    for (Index direction = 0; direction < s_.directions; ++direction) {
      const auto input_block = [&](const auto& view) { return view.matrix().column_block(direction * width, width); };
      TimeLoopBackward loop;
      static_cast<TimeLoop&>(loop) = time_loop(layer, direction, b);
      loop.y = y.column_block(direction * s_.H, s_.H);
      if (!dy.empty()) loop.dy = dy.column_block(direction * s_.H, s_.H);
      const bool direct = layer == 0 && b.dinput_accumulate == Accumulate::no;
      loop.dgates = direct ? input_block(b.dinput) : loop.gates.column_block(0, width);
      loop.dh = b.scratch.data() + layer_y() + 2 * direction * states;
      loop.dc = loop.dh + states;
      std::fill(loop.dh, loop.dc + states, 0.0f);
      if (!b.dhn.empty()) {
        const float* dhn = b.dhn.data() + static_cast<Index>(index(layer, direction)) * states;
        std::copy(dhn, dhn + states, loop.dh);
      }
      loops.push_back(loop);
    }
    run(cpu, loops, cell_.backward);
    for (Index direction = 0; direction < s_.directions; ++direction) {
      const TimeLoopBackward& loop = loops[static_cast<std::size_t>(direction)];
      weight_gradients(cpu, layer, loop, b);
      if (layer > 0)
        matmul<float>(cpu, loop.dgates, Op::none, b.weights[index(layer, direction)].weight_ih, Op::none, d_lower,
                      direction == 0 ? Accumulate::no : Accumulate::yes);
      else if (b.dinput_accumulate == Accumulate::yes)
        copy<float>(cpu, loop.dgates, b.dinput.matrix().column_block(direction * width, width), Accumulate::yes);
    }
    if (b.dropout.p > 0 && layer > 0)
      dropout<float>(cpu, b.dropout.p, dropout_stream(b.dropout, layer - 1), b.dropout.first_row, as_sequence(d_lower),
                     as_sequence(d_lower), Accumulate::no);
    dy = d_lower;
  }
}

void RecurrentStack::step(const RecurrentStep<float>& step) const {
  require(s_.directions == 1, "a step runs in one direction");
  require(step.packed.size() == packed_size(), "packed must have *_packed_size elements");
  require(step.input.rows() == s_.B && step.input.columns() == cell_.gates * s_.H, "input must be [B,G*H]");
  require(step.h.size() == s_.layers * s_.B * s_.H, "h must be [layers,B,H]");
  require(!cell_.has_c || step.c.size() == step.h.size(), "c must be [layers,B,H]");
  const Index states = s_.B * s_.H;
  for (Index layer = 0; layer < s_.layers; ++layer) {
    CellStep cell{.B = s_.B, .H = s_.H, .packed = step.packed.data() + layer * packed_stride()};
    cell.h = step.h.data() + layer * states;
    cell.c = cell_.has_c ? step.c.data() + layer * states : nullptr;
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
void RecurrentStack::check(const Arguments& a) const {
  require(static_cast<Index>(a.weights.size()) == s_.layers * s_.directions, "one entry for each layer and direction");
  require(a.packed.size() == packed_size(), "packed must have *_packed_size elements");
  require(a.saved.size() == saved_size(a.dropout.p), "saved must have *_saved_size elements");
  require(a.lengths.empty() || a.lengths.size() == s_.B, "lengths must be [B]");
  const auto initial = [&](const View<const float, 3>& state) {
    return state.empty() || (s_.directions == 1 && state.size() == s_.layers * s_.B * s_.H);
  };
  require(initial(a.h0) && initial(a.c0), "h0 and c0 must be [layers,B,H], and need directions = 1");
}

template <class Arguments>
TimeLoop RecurrentStack::time_loop(Index layer, Index direction, const Arguments& a) const {
  TimeLoop loop{.T = s_.T, .B = s_.B, .H = s_.H, .reverse = direction == 1};
  const Index states = s_.B * s_.H, steps = s_.T * s_.B;
  loop.packed = a.packed.data() + static_cast<Index>(index(layer, direction)) * packed_stride();
  loop.lengths = a.lengths.data();
  loop.h0 = a.h0.empty() ? nullptr : a.h0.data() + layer * states;
  loop.c0 = a.c0.empty() ? nullptr : a.c0.data() + layer * states;
  float* cells = a.saved.data() + layer * layer_cells() + direction * cell_size();
  loop.gates = View<float, 2>(cells, {steps, cell_.slots * s_.H});
  if (cell_.has_c) loop.c = View<float, 2>(cells + steps * cell_.slots * s_.H, {steps, s_.H});
  return loop;
}

// y of a layer: the caller's for the top one, a part of `saved` below it.
View<float, 2> RecurrentStack::layer_output(Index layer, View<float, 1> saved, float dropout,
                                            View<float, 3> top) const {
  if (layer + 1 == s_.layers) return top.matrix();
  const Index offset = s_.layers * layer_cells() + layer * layer_y() * (dropout > 0 ? 2 : 1);
  return {saved.data() + offset, {s_.T * s_.B, s_.directions * s_.H}};
}

// What layer >= 1 reads: y of the layer below, after dropout.
View<float, 2> RecurrentStack::layer_input(Index layer, View<float, 1> saved, float dropout) const {
  const View<float, 2> y = layer_output(layer - 1, saved, dropout, {});
  return dropout > 0 ? View<float, 2>(y.data() + layer_y(), y.extents()) : y;
}

View<float, 3> RecurrentStack::as_sequence(View<float, 2> y) const {
  return {y.data(), {s_.T, s_.B, y.columns()}, y.stride()};
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
    float* to = out.data() + static_cast<Index>(index(layer, loop.reverse ? 1 : 0)) * s_.B * s_.H;
    for (Index row = 0; row < s_.B; ++row, to += s_.H) {
      const Index length = loop.lengths ? loop.lengths[row] : s_.T;
      const float* from = initial ? initial + row * s_.H : nullptr;
      if (length > 0) from = steps.row((loop.reverse ? 0 : length - 1) * s_.B + row);
      if (from)
        std::copy(from, from + s_.H, to);
      else
        std::fill(to, to + s_.H, 0.0f);
    }
  };
  gather(loop.y, loop.h0, f.hn);
  if (cell_.has_c) gather(loop.c, loop.c0, f.cn);
}

// The products over all steps: dweight_ih from the layer below, dweight_hh from the states one step earlier in the
// direction of time, biases as column sums.
void RecurrentStack::weight_gradients(Cpu& cpu, Index layer, const TimeLoopBackward& loop,
                                      const RecurrentBackward<float>& b) const {
  const RecurrentLayer<float>& d = b.gradients[index(layer, loop.reverse ? 1 : 0)];
  if (layer > 0 && !d.weight_ih.empty())
    matmul<float>(cpu, loop.dgates, Op::transpose, layer_input(layer, b.saved, b.dropout.p), Op::none, d.weight_ih,
                  Accumulate::yes);
  if (!d.bias_ih.empty()) cell_.add_column_sums(loop.dgates, d.bias_ih.data());

  const auto recurrent = [&](View<const float, 2> dz, Index first) {
    if (!d.bias_hh.empty()) cell_.add_column_sums(dz, d.bias_hh.data() + first);
    if (d.weight_hh.empty()) return;
    const View<float, 2> dweight = d.weight_hh.row_block(first, dz.columns());
    const Index earlier = (s_.T - 1) * s_.B;
    if (earlier > 0)
      matmul<float>(cpu, dz.row_block(loop.reverse ? 0 : s_.B, earlier), Op::transpose,
                    loop.y.row_block(loop.reverse ? s_.B : 0, earlier), Op::none, dweight, Accumulate::yes);
    if (loop.h0)
      matmul<float>(cpu, dz.row_block(0, s_.B), Op::transpose, View<const float, 2>(loop.h0, {s_.B, s_.H}), Op::none,
                    dweight, Accumulate::yes);
  };
  const Index shared = (cell_.last_apart ? cell_.gates - 1 : cell_.gates) * s_.H;
  recurrent(loop.dgates.column_block(0, shared), 0);
  if (cell_.last_apart) recurrent(loop.gates.column_block((cell_.slots - 1) * s_.H, s_.H), shared);
}

}  // namespace polonaise::kernels
