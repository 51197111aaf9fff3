#include "kernels/lstm.h"

#include "kernels/cuda/recurrent_kernels-inl.h"

namespace polonaise::kernels {
namespace {

// V: what the equations are worked out in (CellNumber).
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

template <class T>
CudaRecurrentStack<T> stack(const RecurrentShape& shape) {
  return {recurrent::cell_kernels<Lstm<CellNumber<T>>, T>(), shape};
}

}  // namespace

Index lstm_packed_size(const Cuda&, const RecurrentShape& shape) {
  return stack<float>(shape).packed_size();
}
Index lstm_saved_size(const Cuda&, const RecurrentShape& shape, float dropout) {
  return stack<float>(shape).saved_size(dropout);
}
Index lstm_scratch_size(const Cuda&, const RecurrentShape& shape) {
  return stack<float>(shape).scratch_size();
}

template <class T>
void lstm_pack(Cuda&, const RecurrentShape& shape, std::span<const RecurrentLayer<const T>> weights,
               View<float, 1> packed) {
  stack<T>(shape).pack(weights, packed);
}
template <class T>
void lstm_forward(Cuda& cuda, const RecurrentShape& shape, const RecurrentForward<T>& arguments) {
  stack<T>(shape).forward(cuda, arguments);
}
template <class T>
void lstm_backward(Cuda& cuda, const RecurrentShape& shape, const RecurrentBackward<T>& arguments) {
  stack<T>(shape).backward(cuda, arguments);
}
template <class T>
void lstm_step(Cuda& cuda, const RecurrentShape& shape, const RecurrentStep<T>& arguments) {
  stack<T>(shape).step(cuda, arguments);
}

#define INSTANTIATE(T)                                                                                                \
  template void lstm_pack<T>(Cuda&, const RecurrentShape&, std::span<const RecurrentLayer<const T>>, View<float, 1>); \
  template void lstm_forward<T>(Cuda&, const RecurrentShape&, const RecurrentForward<T>&);                            \
  template void lstm_backward<T>(Cuda&, const RecurrentShape&, const RecurrentBackward<T>&);                          \
  template void lstm_step<T>(Cuda&, const RecurrentShape&, const RecurrentStep<T>&)
INSTANTIATE(float);
INSTANTIATE(bf16);

}  // namespace polonaise::kernels
