#include "kernels/recurrent/recurrent.h"

#include "kernels/base/bf16.h"
#include "kernels/recurrent/layout.h"

namespace polonaise::kernels {
namespace {

// What forward and backward share.
template <class Arguments>
void check_both(const Arguments& a, const RecurrentLayout& layout, Index packed_size) {
  const RecurrentShape& s = layout.s;
  require(static_cast<Index>(a.weights.size()) == s.layers * s.directions, "one entry for each layer and direction");
  require(a.packed.size() == packed_size, "packed must have recurrent_packed_size elements");
  require(a.saved.size() == layout.saved_size(a.dropout.p), "saved must have recurrent_saved_size elements");
  require(a.lengths.empty() || a.lengths.size() == s.B, "lengths must be [B]");
  const auto initial = [&](const auto& state, Index blocks) {
    return state.empty() || (s.directions == 1 && state.size() == s.layers * blocks * layout.states());
  };
  require(initial(a.h0, 1) && initial(a.c0, s.states()),
          "h0 must be [layers,B,H] and c0 [layers,B,S*H], and they need directions = 1");
}

}  // namespace

template <class T>
void RecurrentForward<T>::check(const RecurrentShape& s, Index packed_size) const {
  const RecurrentLayout layout(s);
  check_both(*this, layout, packed_size);
  require(input.size() == layout.steps() * s.directions * layout.width(), "input must be [T,B,directions*G*H]");
  require(y.size() == layout.outputs(), "y must be [T,B,directions*H]");
}

template <class T>
void RecurrentBackward<T>::check(const RecurrentShape& s, Index packed_size, Index scratch_size) const {
  const RecurrentLayout layout(s);
  check_both(*this, layout, packed_size);
  require(gradients.size() == weights.size(), "gradients must match the weights");
  require(scratch.size() == scratch_size, "scratch must have recurrent_scratch_size elements");
  require(dinput.size() == layout.steps() * s.directions * layout.width(), "dinput must be [T,B,directions*G*H]");
}

template <class T>
void RecurrentStep<T>::check(const RecurrentShape& s, Index packed_size) const {
  const RecurrentLayout layout(s);
  require(s.directions == 1, "a step runs in one direction");
  require(packed.size() == packed_size, "packed must have recurrent_packed_size elements");
  require(input.rows() == s.B && input.columns() == layout.width(), "input must be [B,G*H]");
  require(h.size() == s.layers * layout.states(), "h must be [layers,B,H]");
  require(s.states() == 0 || c.size() == s.states() * h.size(), "c must be [layers,B,S*H]");
}

template <class T>
void check_recurrent_weights(const RecurrentShape& s, std::span<const RecurrentLayer<const T>> weights) {
  const Index width = s.gates() * s.H;
  require(static_cast<Index>(weights.size()) == s.layers * s.directions, "one entry for each layer and direction");
  for (const RecurrentLayer<const T>& w : weights) {
    require(w.weight_hh.rows() == width && w.weight_hh.columns() == s.H, "weight_hh must be [G*H, H]");
    require(w.bias_ih.size() == width && w.bias_hh.size() == width, "biases must be [G*H]");
  }
}

#define INSTANTIATE(T)                                                                  \
  template void RecurrentForward<T>::check(const RecurrentShape&, Index) const;         \
  template void RecurrentBackward<T>::check(const RecurrentShape&, Index, Index) const; \
  template void RecurrentStep<T>::check(const RecurrentShape&, Index) const;            \
  template void check_recurrent_weights(const RecurrentShape&, std::span<const RecurrentLayer<const T>>)
INSTANTIATE(float);
INSTANTIATE(bf16);

}  // namespace polonaise::kernels
