#pragma once

// The Cells of recurrent-inl.h. V: what the equations are worked out in (CellNumber).

#include "kernels/cuda/recurrent-inl.h"

namespace polonaise::kernels::recurrent {

template <class V>
struct Rnn {
  using Equations = RnnCell<V>;
  static constexpr int kGates = 1, kSlots = 1, kKept = 0;
  static constexpr bool kHasC = false, kLastApart = false;
  static constexpr const char *kForward = "rnn_forward", *kBackward = "rnn_backward";

  static __device__ CellState forward(const float (&x)[1], const float (&r)[1], CellState, float (&)[1]) {
    return {float(Equations::forward(V(x[0] + r[0]))), 0};
  }

  static __device__ CellGradient<1> backward(const float (&)[1], CellState, CellState after, float dh, float) {
    return {{float(Equations::backward(V(after.h), V(dh)))}, 0, {0, 0}};
  }
};

template <class V>
struct Lstm {
  using Equations = LstmCell<V>;
  static constexpr int kGates = 4, kSlots = 4, kKept = 4;
  static constexpr bool kHasC = true, kLastApart = false;
  static constexpr const char *kForward = "lstm_forward", *kBackward = "lstm_backward";

  static __device__ CellState forward(const float (&x)[4], const float (&r)[4], CellState before, float (&kept)[4]) {
    const auto gates = Equations::activate(V(x[0] + r[0]), V(x[1] + r[1]), V(x[2] + r[2]), V(x[3] + r[3]));
    kept[0] = float(gates.i);
    kept[1] = float(gates.f);
    kept[2] = float(gates.g);
    kept[3] = float(gates.o);
    const V c = Equations::next_c(gates, V(before.c));
    return {float(Equations::next_h(gates, c)), float(c)};
  }

  static __device__ CellGradient<4> backward(const float (&kept)[4], CellState before, CellState after, float dh,
                                             float dc) {
    const typename Equations::Gates gates{V(kept[0]), V(kept[1]), V(kept[2]), V(kept[3])};
    const auto d = Equations::backward(gates, V(before.c), V(after.c), V(dh), V(dc));
    return {{float(d.dz.i), float(d.dz.f), float(d.dz.g), float(d.dz.o)}, 0, {0, float(d.dc)}};
  }
};

template <class V>
struct Gru {
  using Equations = GruCell<V>;
  // Slots: r, z, n and the recurrent share of n's pre-activation, whose place its gradient takes in backward.
  static constexpr int kGates = 3, kSlots = 4, kKept = 4;
  static constexpr bool kHasC = false, kLastApart = true;
  static constexpr const char *kForward = "gru_forward", *kBackward = "gru_backward";

  static __device__ CellState forward(const float (&x)[3], const float (&r)[3], CellState before, float (&kept)[4]) {
    const auto gates = Equations::activate(V(x[0] + r[0]), V(x[1] + r[1]), V(x[2]), V(r[2]));
    kept[0] = float(gates.r);
    kept[1] = float(gates.z);
    kept[2] = float(gates.n);
    kept[3] = r[2];
    return {float(Equations::next_h(gates, V(before.h))), 0};
  }

  static __device__ CellGradient<3> backward(const float (&kept)[4], CellState before, CellState, float dh, float) {
    const typename Equations::Gates gates{V(kept[0]), V(kept[1]), V(kept[2])};
    const auto d = Equations::backward(gates, V(before.h), V(kept[3]), V(dh));
    return {{float(d.d_r), float(d.d_z), float(d.d_x_n)}, float(d.d_h_n), {float(d.dh), 0}};
  }
};

}  // namespace polonaise::kernels::recurrent
