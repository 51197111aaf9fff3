#pragma once

#include "kernels/recurrent.h"
#include "kernels/require.h"

namespace polonaise::kernels {

// How the recurrent stacks lay out what forward keeps for backward, and what they require of their arguments: the same
// on every device, so that it is written once.
//
// Saved, for each layer: gates and c of each direction; then, below the top layer, y, and with dropout y as the next
// layer saw it.
class RecurrentLayout {
 public:
  // A cell has `gates` blocks of H in its pre-activations and keeps `slots` blocks of H, and c where it has one.
  RecurrentLayout(Index gates, Index slots, bool has_c, const RecurrentShape& shape)
      : s(shape), gates_(gates), slots_(slots), has_c_(has_c) {
    require(s.T >= 1 && s.B >= 1 && s.H >= 1 && s.layers >= 1, "sizes must be positive");
    require(s.directions == 1 || s.directions == 2, "directions must be 1 or 2");
  }

  RecurrentShape s;

  std::size_t index(Index layer, Index direction) const {
    return static_cast<std::size_t>(layer * s.directions + direction);
  }
  Index steps() const { return s.T * s.B; }     // rows of every matrix over all steps, (t, b) flattened
  Index states() const { return s.B * s.H; }    // elements of one layer's h in one direction
  Index width() const { return gates_ * s.H; }  // columns of one direction's pre-activations
  Index outputs() const { return steps() * s.directions * s.H; }  // elements of one layer's y

  Index saved_size(float dropout) const {
    return s.layers * s.directions * cell_size() + (s.layers - 1) * outputs() * copies(dropout);
  }
  template <class T>
  View<T, 2> gates(Index layer, Index direction, View<T, 1> saved) const {
    return {cell(layer, direction, saved), {steps(), slots_ * s.H}};
  }
  template <class T>
  View<T, 2> c(Index layer, Index direction, View<T, 1> saved) const {
    if (!has_c_) return {};
    return {cell(layer, direction, saved) + steps() * slots_ * s.H, {steps(), s.H}};
  }
  // y of a layer: the caller's for the top one, a part of `saved` below it.
  template <class T>
  View<T, 2> output(Index layer, View<T, 1> saved, float dropout, View<T, 3> top) const {
    if (layer + 1 == s.layers) return top.matrix();
    const Index before = s.layers * s.directions * cell_size() + layer * outputs() * copies(dropout);
    return {saved.data() + before, {steps(), s.directions * s.H}};
  }
  // What layer >= 1 reads: y of the layer below, after dropout.
  template <class T>
  View<T, 2> input(Index layer, View<T, 1> saved, float dropout) const {
    const View<T, 2> y = output(layer - 1, saved, dropout, View<T, 3>());
    return dropout > 0 ? View<T, 2>(y.data() + outputs(), y.extents()) : y;
  }
  template <class T>
  View<T, 3> as_sequence(View<T, 2> y) const {
    return {y.data(), {s.T, s.B, y.columns()}, y.stride()};
  }

  template <class T>
  void check_weights(std::span<const RecurrentLayer<const T>> weights) const {
    require(static_cast<Index>(weights.size()) == s.layers * s.directions, "one entry for each layer and direction");
    for (const RecurrentLayer<const T>& w : weights) {
      require(w.weight_hh.rows() == width() && w.weight_hh.columns() == s.H, "weight_hh must be [G*H, H]");
      require(w.bias_ih.size() == width() && w.bias_hh.size() == width(), "biases must be [G*H]");
    }
  }
  template <class T>
  void check(const RecurrentForward<T>& f, Index packed_size) const {
    check_both(f, packed_size);
    require(f.input.size() == steps() * s.directions * width(), "input must be [T,B,directions*G*H]");
    require(f.y.size() == outputs(), "y must be [T,B,directions*H]");
  }
  template <class T>
  void check(const RecurrentBackward<T>& b, Index packed_size, Index scratch_size) const {
    check_both(b, packed_size);
    require(b.gradients.size() == b.weights.size(), "gradients must match the weights");
    require(b.scratch.size() == scratch_size, "scratch must have *_scratch_size elements");
    require(b.dinput.size() == steps() * s.directions * width(), "dinput must be [T,B,directions*G*H]");
  }
  template <class T>
  void check(const RecurrentStep<T>& step, Index packed_size) const {
    require(s.directions == 1, "a step runs in one direction");
    require(step.packed.size() == packed_size, "packed must have *_packed_size elements");
    require(step.input.rows() == s.B && step.input.columns() == width(), "input must be [B,G*H]");
    require(step.h.size() == s.layers * states(), "h must be [layers,B,H]");
    require(!has_c_ || step.c.size() == step.h.size(), "c must be [layers,B,H]");
  }

 private:
  Index cell_size() const { return steps() * s.H * (slots_ + (has_c_ ? 1 : 0)); }
  static Index copies(float dropout) { return dropout > 0 ? 2 : 1; }
  template <class T>
  T* cell(Index layer, Index direction, View<T, 1> saved) const {
    return saved.data() + (layer * s.directions + direction) * cell_size();
  }

  // What forward and backward share.
  template <class Arguments>
  void check_both(const Arguments& a, Index packed_size) const {
    require(static_cast<Index>(a.weights.size()) == s.layers * s.directions, "one entry for each layer and direction");
    require(a.packed.size() == packed_size, "packed must have *_packed_size elements");
    require(a.saved.size() == saved_size(a.dropout.p), "saved must have *_saved_size elements");
    require(a.lengths.empty() || a.lengths.size() == s.B, "lengths must be [B]");
    const auto initial = [&](const auto& state) {
      return state.empty() || (s.directions == 1 && state.size() == s.layers * states());
    };
    require(initial(a.h0) && initial(a.c0), "h0 and c0 must be [layers,B,H], and need directions = 1");
  }

  Index gates_, slots_;
  bool has_c_;
};

// Layer l draws from op `stream.op + l`.
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
