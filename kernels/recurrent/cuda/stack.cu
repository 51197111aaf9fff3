#include "kernels/recurrent/cuda/stack.h"

#include <algorithm>

#include "kernels/cuda/device/column_sums.cuh"
#include "kernels/cuda/host/api.h"
#include "kernels/cuda/host/launch.h"
#include "kernels/cuda/host/product.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/recurrent/cuda/cells.cuh"
#include "kernels/simt/simt.h"

namespace polonaise::kernels {
namespace {

using simt::from_float;
using simt::to_float;

// State `which` of [n,B,columns], or nothing of nothing.
template <class T>
View<T, 2> state(View<T, 3> states, Index which) {
  const Index B = states.extent(1), columns = states.extent(2);
  return states.empty() ? View<T, 2>() : View<T, 2>(states.data() + which * B * columns, {B, columns});
}

template <class T>
const CellKernels<T>& kernels_of(Cell cell) {
  return recurrent::with_cell<CellNumber<T>>(
      cell, [](auto of_cell) -> const CellKernels<T>& { return cell_kernels<decltype(of_cell), T>(); });
}

// The biases' gradients of a layer: sums over all steps and rows. A stack is a direction; its columns are dgates', and
// behind them the last slot's H where the last gate's recurrent share is apart.
template <class T>
struct BiasGradients {
  static constexpr int kSums = 1;
  struct Direction {
    View<const T, 2> dgates = {}, last = {};
    float *d_input = nullptr, *d_recurrent = nullptr;  // [G*H] or null
  };
  Direction directions[2] = {};

  constexpr Index rows() const { return directions[0].dgates.rows(); }
  constexpr Index columns() const { return directions[0].dgates.columns() + directions[0].last.columns(); }
  __device__ void of(Index stack, Index row, Index column, float (&terms)[1]) const {
    const auto& [dgates, last, d_input, d_recurrent] = directions[stack];
    const Index width = dgates.columns();
    terms[0] = to_float(column < width ? dgates.row(row)[column] : last.row(row)[column - width]);
  }
  __device__ void add(Index stack, Index column, const float (&sum)[1]) const {
    const auto& [dgates, last, d_input, d_recurrent] = directions[stack];
    const Index width = dgates.columns(), H = last.columns();  // H 0: no share is apart
    if (d_input != nullptr && column < width) d_input[column] += sum[0];
    if (d_recurrent != nullptr && (column < width - H || column >= width))
      d_recurrent[column < width ? column : column - H] += sum[0];
  }
};

}  // namespace

template <class T>
CudaRecurrentStack<T>::CudaRecurrentStack(const RecurrentShape& shape)
    : cell_(kernels_of<T>(shape.cell)), layout_(shape), s_(shape) {}

template <class T>
void CudaRecurrentStack<T>::pack(std::span<const RecurrentLayer<const T>> weights, View<float, 1> packed) const {
  check_recurrent_weights(s_, weights);
  require(packed.size() == packed_size(), "packed must have recurrent_packed_size elements");
}

// Layers that the cell's kernels take together are one launch; between launches stand the products over all steps.
template <class T>
void CudaRecurrentStack<T>::forward(Cuda& cuda, const RecurrentForward<T>& f) const {
  f.check(s_, packed_size());
  RecurrentLoop<T> all = loop(f);
  const Index together = layers_at_once(cuda, all, cell_.layers_of_forward);
  for (Index first = 0; first < s_.layers; first += all.layer_count) {
    all.layer_count = std::min(together, s_.layers - first);
    for (Index i = 0; i < all.layer_count * s_.directions; ++i)
      all.cells[i] = forward_cell(first + i / s_.directions, i % s_.directions, f);
    for (Index direction = 0; first > 0 && direction < s_.directions; ++direction) {
      const CellSequence<T>& cell = all.cells[direction];
      multiply<T, T>(cuda, cell.x, Op::none, cell.weight_ih, Op::transpose, cell.gates.column_block(0, layout_.width()),
                     Accumulate::no);
    }
    cell_.forward(cuda, all);
    if (const Index next = first + all.layer_count; f.dropout.p > 0 && next < s_.layers)
      dropout<T>(cuda, {.x = layout_.as_sequence(layout_.output(next - 1, f.saved, f.dropout.p, f.y)),
                        .y = layout_.as_sequence(layout_.input(next, f.saved, f.dropout.p)),
                        .p = f.dropout.p,
                        .stream = dropout_stream(f.dropout, next - 1),
                        .first_row = f.dropout.first_row});
  }
}

// The gradient of the layer below a launch's is made as soon as the launch has ended, in the memory that all layers
// below the top one use for theirs.
template <class T>
void CudaRecurrentStack<T>::backward(Cuda& cuda, const RecurrentBackward<T>& b) const {
  b.check(s_, packed_size(), scratch_size());
  const View<T, 2> d_lower = gradient_below(b);
  RecurrentLoop<T> all = loop(b);
  const Index together = layers_at_once(cuda, all, cell_.layers_of_backward);
  for (Index top = s_.layers - 1; top >= 0; top -= all.layer_count) {
    all.layer_count = std::min(together, top + 1);
    for (Index i = 0; i < all.layer_count * s_.directions; ++i)
      all.cells[i] = backward_cell(top - i / s_.directions, i % s_.directions, b);
    cell_.backward(cuda, all);
    for (Index i = 0; i < all.layer_count; ++i) {
      const CellSequence<T>* const layer = all.cells + i * s_.directions;
      for (Index direction = 0; direction < s_.directions; ++direction)
        weight_gradients(cuda, direction, layer[direction], b);
      bias_gradients(cuda, layer, b);
    }
    const Index lowest = top - all.layer_count + 1;
    if (lowest == 0) break;
    for (Index direction = 0; direction < s_.directions; ++direction) {
      const CellSequence<T>& cell = all.cells[(all.layer_count - 1) * s_.directions + direction];
      multiply<T, T>(cuda, cell.dgates, Op::none, cell.weight_ih, Op::none, d_lower,
                     direction == 0 ? Accumulate::no : Accumulate::yes);
    }
    if (b.dropout.p > 0)
      dropout<T>(cuda, {.x = layout_.as_sequence(d_lower),
                        .y = layout_.as_sequence(d_lower),
                        .p = b.dropout.p,
                        .stream = dropout_stream(b.dropout, lowest - 1),
                        .first_row = b.dropout.first_row});
  }
}

// The states of a step are overwritten by other blocks than read them: these read a copy.
template <class T>
void CudaRecurrentStack<T>::step(Cuda& cuda, const RecurrentStep<T>& step) const {
  step.check(s_, packed_size());
  const Index states = layout_.states();
  const Index rows_at_once = static_cast<Index>(Cuda::kScratchBytes / sizeof(T)) / s_.H;
  require(rows_at_once >= 1, "H is too large for the scratch memory of a step");
  T* const copied = static_cast<T*>(cuda.scratch());
  for (Index layer = 0; layer < s_.layers; ++layer)
    for (Index first = 0; first < s_.B; first += rows_at_once) {
      const Index rows = std::min(rows_at_once, s_.B - first), before = layer * states + first * s_.H;
      const auto& w = step.weights[static_cast<std::size_t>(layer)];
      T* const h = step.h.data() + before;
      cuda.make_current();
      polonaise::copy(cuda.stream(), copied, h, static_cast<std::size_t>(rows * s_.H) * sizeof(T));
      RecurrentLoop<T> one{.steps = 1, .B = rows, .H = s_.H};
      CellSequence<T>& cell = one.cells[0];
      cell.weight_hh = w.weight_hh;
      cell.bias_ih = w.bias_ih.data();
      cell.bias_hh = w.bias_hh.data();
      cell.h0 = {copied, {rows, s_.H}};
      cell.y = {h, {rows, s_.H}};
      if (s_.states() > 0) {
        cell.c = {step.c.data() + s_.states() * before, {rows, s_.states() * s_.H}};
        cell.c0 = cell.c;
      }
      if (layer == 0) {
        cell.product = step.input.row_block(first, rows);
      } else {
        cell.x = {step.h.data() + before - states, {rows, s_.H}};
        cell.weight_ih = w.weight_ih;
      }
      cell_.forward(cuda, one);
    }
}

template <class T>
Index CudaRecurrentStack<T>::layers_at_once(const Cuda& cuda, const RecurrentLoop<T>& loop,
                                            Index (*layers_of)(const Cuda&, RecurrentLoop<T>, Index)) const {
  const Index most = layers_of(cuda, loop, s_.layers);
  require(
      most > 1 || cuda.recurrent_kernels() != RecurrentKernels::wavefront,
      "the wavefront that was asked for has no room for the stack, or no two layers of one direction to begin with");
  return ceil_div(s_.layers, ceil_div(s_.layers, most));  // launches of about as many layers each
}

template <class T>
View<T, 2> CudaRecurrentStack<T>::gradient_below(const RecurrentBackward<T>& b) const {
  return {b.scratch.data() + gradient_offset(), {layout_.steps(), s_.directions * s_.H}};
}

template <class T>
template <class Arguments>
RecurrentLoop<T> CudaRecurrentStack<T>::loop(const Arguments& a) const {
  RecurrentLoop<T> loop{.steps = s_.T, .B = s_.B, .H = s_.H, .lengths = a.lengths.data()};
  loop.direction_count = s_.directions;
  loop.dropout = {a.dropout.stream, a.dropout.first_row, keep_of(a.dropout.p)};
  return loop;
}

template <class T>
template <class Arguments>
CellSequence<T> CudaRecurrentStack<T>::cell(Index layer, Index direction, const Arguments& a) const {
  const RecurrentLayer<const T>& w = a.weights[layout_.index(layer, direction)];
  CellSequence<T> cell;
  cell.layer = layer;
  cell.weight_hh = w.weight_hh;
  cell.bias_ih = w.bias_ih.data();
  cell.bias_hh = w.bias_hh.data();
  cell.h0 = state(a.h0, layer);
  cell.c0 = state(a.c0, layer);
  cell.gates = layout_.gates(layer, direction, a.saved);
  cell.c = layout_.c(layer, direction, a.saved);
  if (layer > 0) {
    cell.weight_ih = w.weight_ih;
    cell.x = layout_.input(layer, a.saved, a.dropout.p);
  }
  return cell;
}

template <class T>
CellSequence<T> CudaRecurrentStack<T>::forward_cell(Index layer, Index direction, const RecurrentForward<T>& f) const {
  const Index which = static_cast<Index>(layout_.index(layer, direction)), width = layout_.width();
  CellSequence<T> cell = this->cell(layer, direction, f);
  cell.y = layout_.output(layer, f.saved, f.dropout.p, f.y).column_block(direction * s_.H, s_.H);
  cell.hn = state(f.hn, which);
  cell.cn = state(f.cn, which);
  cell.product =
      layer == 0 ? f.input.matrix().column_block(direction * width, width) : cell.gates.column_block(0, width);
  return cell;
}

template <class T>
CellSequence<T> CudaRecurrentStack<T>::backward_cell(Index layer, Index direction,
                                                     const RecurrentBackward<T>& b) const {
  const Index width = layout_.width();
  CellSequence<T> cell = this->cell(layer, direction, b);
  cell.y = layout_.output(layer, b.saved, b.dropout.p, writable(b.y)).column_block(direction * s_.H, s_.H);
  if (layer + 1 < s_.layers)
    cell.dy = gradient_below(b).column_block(direction * s_.H, s_.H);
  else if (!b.dy.empty())
    cell.dy = b.dy.matrix().column_block(direction * s_.H, s_.H);
  cell.dhn = state(b.dhn, static_cast<Index>(layout_.index(layer, direction)));
  cell.dgates = cell.gates.column_block(0, width);
  if (layer == 0) {
    const View<T, 2> dinput = b.dinput.matrix().column_block(direction * width, width);
    (b.dinput_accumulate == Accumulate::no ? cell.dgates : cell.dinput) = dinput;
  } else {
    cell.dx = gradient_below(b);
  }
  cell.dh = reinterpret_cast<float*>(b.scratch.data()) + direction * carried();
  cell.dc = cell.dh + layout_.states();
  return cell;
}

// The products over all steps: dweight_ih from the layer below, dweight_hh from the states one step earlier in the
// direction of time.
template <class T>
void CudaRecurrentStack<T>::weight_gradients(Cuda& cuda, Index direction, const CellSequence<T>& cell,
                                             const RecurrentBackward<T>& b) const {
  const RecurrentLayer<float>& d = b.gradients[layout_.index(cell.layer, direction)];
  const auto add_product = [&](View<const T, 2> dz, View<const T, 2> x, View<float, 2> dweight) {
    multiply<T, float>(cuda, dz, Op::transpose, x, Op::none, dweight, Accumulate::yes);
  };
  if (cell.layer > 0 && !d.weight_ih.empty()) add_product(cell.dgates, cell.x, d.weight_ih);
  if (d.weight_hh.empty()) return;
  const bool reverse = direction == 1;
  const auto recurrent = [&](View<const T, 2> dz, Index first) {
    const View<float, 2> dweight = d.weight_hh.row_block(first, dz.columns());
    const Index earlier = (s_.T - 1) * s_.B;
    if (earlier > 0)
      add_product(dz.row_block(reverse ? 0 : s_.B, earlier), cell.y.row_block(reverse ? s_.B : 0, earlier), dweight);
    if (!cell.h0.empty()) add_product(dz.row_block(0, s_.B), cell.h0, dweight);
  };
  const CellShape& cell_shape = layout_.cell;
  const Index shared = (cell_shape.last_apart ? cell_shape.gates - 1 : cell_shape.gates) * s_.H;
  recurrent(cell.dgates.column_block(0, shared), 0);
  if (cell_shape.last_apart) recurrent(cell.gates.column_block((cell_shape.slots - 1) * s_.H, s_.H), shared);
}

template <class T>
void CudaRecurrentStack<T>::bias_gradients(Cuda& cuda, const CellSequence<T>* directions,
                                           const RecurrentBackward<T>& b) const {
  BiasGradients<T> sums;
  bool wanted = false;
  for (Index direction = 0; direction < s_.directions; ++direction) {
    const CellSequence<T>& cell = directions[direction];
    const RecurrentLayer<float>& d = b.gradients[layout_.index(cell.layer, direction)];
    auto& sum = sums.directions[direction];
    sum.dgates = cell.dgates;
    if (layout_.cell.last_apart) sum.last = cell.gates.column_block((layout_.cell.slots - 1) * s_.H, s_.H);
    sum.d_input = d.bias_ih.data();
    sum.d_recurrent = d.bias_hh.data();
    wanted = wanted || !d.bias_ih.empty() || !d.bias_hh.empty();
  }
  if (wanted) column_sums::add(cuda, cell_.name, sums, s_.directions);
}

Index recurrent_packed_size(const Cuda&, const RecurrentShape& shape) {
  return CudaRecurrentStack<float>(shape).packed_size();
}
Index recurrent_saved_size(const Cuda&, const RecurrentShape& shape, float dropout) {
  return CudaRecurrentStack<float>(shape).saved_size(dropout);
}
Index recurrent_scratch_size(const Cuda&, const RecurrentShape& shape) {
  return CudaRecurrentStack<float>(shape).scratch_size();
}

template <class T>
void recurrent_pack(Cuda&, const RecurrentShape& shape, std::span<const RecurrentLayer<const T>> weights,
                    View<float, 1> packed) {
  CudaRecurrentStack<T>(shape).pack(weights, packed);
}
template <class T>
void recurrent_forward(Cuda& cuda, const RecurrentShape& shape, const RecurrentForward<T>& arguments) {
  CudaRecurrentStack<T>(shape).forward(cuda, arguments);
}
template <class T>
void recurrent_backward(Cuda& cuda, const RecurrentShape& shape, const RecurrentBackward<T>& arguments) {
  CudaRecurrentStack<T>(shape).backward(cuda, arguments);
}
template <class T>
void recurrent_step(Cuda& cuda, const RecurrentShape& shape, const RecurrentStep<T>& arguments) {
  CudaRecurrentStack<T>(shape).step(cuda, arguments);
}

#define INSTANTIATE(T)                                                                                 \
  template void recurrent_pack(Cuda&, const RecurrentShape&, std::span<const RecurrentLayer<const T>>, \
                               View<float, 1>);                                                        \
  template void recurrent_forward(Cuda&, const RecurrentShape&, const RecurrentForward<T>&);           \
  template void recurrent_backward(Cuda&, const RecurrentShape&, const RecurrentBackward<T>&);         \
  template void recurrent_step(Cuda&, const RecurrentShape&, const RecurrentStep<T>&)
INSTANTIATE(float);
INSTANTIATE(bf16);

}  // namespace polonaise::kernels
