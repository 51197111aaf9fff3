#pragma once

// The Cells of units.cuh, and the numbers V that their equations are computed in (CellNumber).

#include <cmath>
#include <cstdlib>
#include <type_traits>

#include "kernels/recurrent/cuda/units.cuh"

namespace polonaise::kernels {

#include "kernels/base/math.inc"
// (kept apart so that formatting does not sort them)
#include "kernels/recurrent/cells.inc"

// A float whose sigmoid and tanh are the card's fast ones, for what is rounded to bf16 after.
struct Approximate {
  float value;
  constexpr explicit Approximate(float x) : value(x) {}
  constexpr explicit operator float() const { return value; }
  friend constexpr Approximate operator+(Approximate a, Approximate b) { return Approximate(a.value + b.value); }
  friend constexpr Approximate operator-(Approximate a, Approximate b) { return Approximate(a.value - b.value); }
  friend constexpr Approximate operator*(Approximate a, Approximate b) { return Approximate(a.value * b.value); }
  friend constexpr Approximate operator/(Approximate a, Approximate b) { return Approximate(a.value / b.value); }
};
__device__ inline Approximate sigmoid(Approximate x) {
  return Approximate(simt::fast_sigmoid(x.value));
}
__device__ inline Approximate hyperbolic_tangent(Approximate x) {
  return Approximate(simt::fast_tanh(x.value));
}

__device__ inline Approximate exponential(Approximate x) {
  return Approximate(simt::fast_exp(x.value));
}
__device__ inline Approximate log_sigmoid(Approximate x) {
  return Approximate(log_sigmoid(x.value));
}
constexpr Approximate constant(Approximate /*like*/, double value) {
  return Approximate(static_cast<float>(value));
}
constexpr Approximate larger(Approximate a, Approximate b) {
  return Approximate(larger(a.value, b.value));
}
constexpr Approximate where_zero(Approximate x, Approximate then, Approximate otherwise) {
  return x.value == 0 ? then : otherwise;
}
__device__ inline Approximate as_kept(Approximate x) {
  return Approximate(simt::to_float(simt::from_float<bf16>(x.value)));
}

template <class T>
using CellNumber = std::conditional_t<std::is_same_v<T, float>, float, Approximate>;

namespace recurrent {

template <class V>
struct Rnn : CellOnCuda<Cell::rnn> {
  using Equations = RnnCell<V>;
  static constexpr int kKept = 0;
  static constexpr const char *kForward = "rnn_forward", *kBackward = "rnn_backward", *kGenerate = "rnn_generate";

  static __device__ State forward(const float (&x)[1], const float (&r)[1], State, float (&)[1]) {
    return {float(Equations::forward(V(x[0] + r[0]))), {}};
  }

  static __device__ Gradient backward(const float (&)[1], State, State after, State d) {
    return {{float(Equations::backward(V(after.h), V(d.h)))}, 0, {}};
  }
};

template <class V>
struct Lstm : CellOnCuda<Cell::lstm> {
  using Equations = LstmCell<V>;
  static constexpr int kKept = 4;
  static constexpr const char *kForward = "lstm_forward", *kBackward = "lstm_backward", *kGenerate = "lstm_generate";

  static __device__ State forward(const float (&x)[4], const float (&r)[4], State before, float (&kept)[4]) {
    const auto gates = Equations::activate(V(x[0] + r[0]), V(x[1] + r[1]), V(x[2] + r[2]), V(x[3] + r[3]));
    kept[0] = float(gates.i);
    kept[1] = float(gates.f);
    kept[2] = float(gates.g);
    kept[3] = float(gates.o);
    const V c = Equations::next_c(gates, V(before.c[0]));
    return {float(Equations::next_h(gates, c)), {float(c)}};
  }

  static __device__ Gradient backward(const float (&kept)[4], State before, State after, State d_next) {
    const typename Equations::Gates gates{V(kept[0]), V(kept[1]), V(kept[2]), V(kept[3])};
    const auto d = Equations::backward(gates, V(before.c[0]), V(after.c[0]), V(d_next.h), V(d_next.c[0]));
    return {{float(d.dz.i), float(d.dz.f), float(d.dz.g), float(d.dz.o)}, 0, {0, {float(d.dc)}}};
  }
};

template <class V>
struct Gru : CellOnCuda<Cell::gru> {
  using Equations = GruCell<V>;
  // Slots: r, z, n and the recurrent share of n's pre-activation, whose place its gradient takes in backward.
  static constexpr int kKept = 4;
  static constexpr const char *kForward = "gru_forward", *kBackward = "gru_backward", *kGenerate = "gru_generate";

  static __device__ State forward(const float (&x)[3], const float (&r)[3], State before, float (&kept)[4]) {
    const auto gates = Equations::activate(V(x[0] + r[0]), V(x[1] + r[1]), V(x[2]), V(r[2]));
    kept[0] = float(gates.r);
    kept[1] = float(gates.z);
    kept[2] = float(gates.n);
    kept[3] = r[2];
    return {float(Equations::next_h(gates, V(before.h))), {}};
  }

  static __device__ Gradient backward(const float (&kept)[4], State before, State, State d_next) {
    const typename Equations::Gates gates{V(kept[0]), V(kept[1]), V(kept[2])};
    const auto d = Equations::backward(gates, V(before.h), V(kept[3]), V(d_next.h));
    return {{float(d.d_r), float(d.d_z), float(d.d_x_n)}, float(d.d_h_n), {float(d.dh), {}}};
  }
};

template <class V>
struct Slstm : CellOnCuda<Cell::slstm> {
  using Equations = SlstmCell<V>;
  static constexpr int kKept = 5;
  static constexpr const char *kForward = "slstm_forward", *kBackward = "slstm_backward", *kGenerate = "slstm_generate";

  static __device__ State forward(const float (&x)[4], const float (&r)[4], State before, float (&kept)[5]) {
    const auto [gates, next] = Equations::forward(V(x[0] + r[0]), V(x[1] + r[1]), V(x[2] + r[2]), V(x[3] + r[3]),
                                                  {V(before.c[0]), V(before.c[1]), V(before.c[2])});
    kept[0] = float(gates.i);
    kept[1] = float(gates.f);
    kept[2] = float(gates.z);
    kept[3] = float(gates.o);
    kept[4] = float(gates.shut);
    return {float(Equations::next_h(gates, next)), {float(next.c), float(next.n), float(next.m)}};
  }

  static __device__ Gradient backward(const float (&kept)[5], State before, State after, State d_next) {
    const auto d = Equations::backward({V(kept[0]), V(kept[1]), V(kept[2]), V(kept[3]), V(kept[4])}, V(before.c[0]),
                                       V(before.c[1]), {V(after.c[0]), V(after.c[1]), V(after.c[2])}, V(d_next.h),
                                       V(d_next.c[0]), V(d_next.c[1]));
    return {{float(d.dz.i), float(d.dz.f), float(d.dz.z), float(d.dz.o)}, 0, {0, {float(d.dc), float(d.dn), 0}}};
  }
};

// body(Cell<V>()) of the cell.
template <class V, class Body>
decltype(auto) with_cell(Cell cell, Body&& body) {
  switch (cell) {
    case Cell::rnn:
      return body(Rnn<V>());
    case Cell::lstm:
      return body(Lstm<V>());
    case Cell::gru:
      return body(Gru<V>());
    case Cell::slstm:
      return body(Slstm<V>());
  }
  std::abort();  // no cell has another value
}

}  // namespace recurrent
}  // namespace polonaise::kernels
