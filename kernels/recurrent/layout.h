#pragma once

#include "kernels/base/require.h"
#include "kernels/recurrent/recurrent.h"

namespace polonaise::kernels {

// Layout of what a recurrent stack's forward pass saves for its backward pass, on every device: for each layer and
// direction gates and c; then, for each layer below the top one, y, and with dropout y as the next layer saw it.
class RecurrentLayout {
 public:
  explicit RecurrentLayout(const RecurrentShape& shape) : s(shape), cell(shape_of(shape.cell)) {
    require(s.T >= 1 && s.B >= 1 && s.H >= 1 && s.layers >= 1, "sizes must be positive");
    require(s.directions == 1 || s.directions == 2, "directions must be 1 or 2");
  }

  RecurrentShape s;
  CellShape cell;

  std::size_t index(Index layer, Index direction) const {
    return static_cast<std::size_t>(layer * s.directions + direction);
  }
  Index steps() const { return s.T * s.B; }         // rows of every matrix over all steps, (t, b) flattened
  Index states() const { return s.B * s.H; }        // elements of one layer's h in one direction
  Index width() const { return cell.gates * s.H; }  // columns of one direction's pre-activations
  Index outputs() const { return steps() * s.directions * s.H; }  // elements of one layer's y

  Index saved_size(float dropout) const {
    return s.layers * s.directions * cell_size() + (s.layers - 1) * outputs() * copies(dropout);
  }
  template <class T>
  View<T, 2> gates(Index layer, Index direction, View<T, 1> saved) const {
    return {of_cell(layer, direction, saved), {steps(), cell.slots * s.H}};
  }
  template <class T>
  View<T, 2> c(Index layer, Index direction, View<T, 1> saved) const {
    if (cell.states == 0) return {};
    return {of_cell(layer, direction, saved) + steps() * cell.slots * s.H, {steps(), cell.states * s.H}};
  }
  // y of a layer: the caller's for the top one, a part of `saved` below it.
  template <class T>
  View<T, 2> output(Index layer, View<T, 1> saved, float dropout, View<T, 3> top) const {
    if (layer + 1 == s.layers) return top.matrix();
    const Index before = s.layers * s.directions * cell_size() + layer * outputs() * copies(dropout);
    return {saved.data() + before, {steps(), s.directions * s.H}};
  }
  // The input of a layer >= 1: y of the layer below, after dropout.
  template <class T>
  View<T, 2> input(Index layer, View<T, 1> saved, float dropout) const {
    const View<T, 2> y = output(layer - 1, saved, dropout, View<T, 3>());
    return dropout > 0 ? View<T, 2>(y.data() + outputs(), y.extents()) : y;
  }
  template <class T>
  View<T, 3> as_sequence(View<T, 2> y) const {
    return {y.data(), {s.T, s.B, y.columns()}, y.stride()};
  }

 private:
  Index cell_size() const { return steps() * s.H * (cell.slots + cell.states); }
  static Index copies(float dropout) { return dropout > 0 ? 2 : 1; }
  template <class T>
  T* of_cell(Index layer, Index direction, View<T, 1> saved) const {
    return saved.data() + (layer * s.directions + direction) * cell_size();
  }
};

// CellShape as constants: what each device's code of a cell derives from.
template <Cell kCell>
struct CellOf {
  static constexpr int kGates = shape_of(kCell).gates, kStates = shape_of(kCell).states, kSlots = shape_of(kCell).slots;
  static constexpr bool kLastApart = shape_of(kCell).last_apart;
};

template <class T>
void check_recurrent_weights(const RecurrentShape&, std::span<const RecurrentLayer<const T>> weights);

// The random numbers of layer l: op `stream.op + l`.
inline RandomStream dropout_stream(const RecurrentDropout& dropout, Index layer) {
  RandomStream stream = dropout.stream;
  stream.op += static_cast<std::uint32_t>(layer);
  return stream;
}

// Backward only reads y, but finds it where forward wrote it.
template <class T>
View<T, 3> writable(View<const T, 3> y) {
  return {const_cast<T*>(y.data()), y.extents(), y.stride()};
}

}  // namespace polonaise::kernels
