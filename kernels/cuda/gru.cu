#include "kernels/gru.h"

#include "kernels/cuda/recurrent_kernels-inl.h"

namespace polonaise::kernels {
namespace {

// V: what the equations are worked out in (CellNumber).
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

template <class T>
CudaRecurrentStack<T> stack(const RecurrentShape& shape) {
  return {recurrent::cell_kernels<Gru<CellNumber<T>>, T>(), shape};
}

}  // namespace

Index gru_packed_size(const Cuda&, const RecurrentShape& shape) {
  return stack<float>(shape).packed_size();
}
Index gru_saved_size(const Cuda&, const RecurrentShape& shape, float dropout) {
  return stack<float>(shape).saved_size(dropout);
}
Index gru_scratch_size(const Cuda&, const RecurrentShape& shape) {
  return stack<float>(shape).scratch_size();
}

template <class T>
void gru_pack(Cuda&, const RecurrentShape& shape, std::span<const RecurrentLayer<const T>> weights,
              View<float, 1> packed) {
  stack<T>(shape).pack(weights, packed);
}
template <class T>
void gru_forward(Cuda& cuda, const RecurrentShape& shape, const RecurrentForward<T>& arguments) {
  stack<T>(shape).forward(cuda, arguments);
}
template <class T>
void gru_backward(Cuda& cuda, const RecurrentShape& shape, const RecurrentBackward<T>& arguments) {
  stack<T>(shape).backward(cuda, arguments);
}
template <class T>
void gru_step(Cuda& cuda, const RecurrentShape& shape, const RecurrentStep<T>& arguments) {
  stack<T>(shape).step(cuda, arguments);
}

#define INSTANTIATE(T)                                                                                               \
  template void gru_pack<T>(Cuda&, const RecurrentShape&, std::span<const RecurrentLayer<const T>>, View<float, 1>); \
  template void gru_forward<T>(Cuda&, const RecurrentShape&, const RecurrentForward<T>&);                            \
  template void gru_backward<T>(Cuda&, const RecurrentShape&, const RecurrentBackward<T>&);                          \
  template void gru_step<T>(Cuda&, const RecurrentShape&, const RecurrentStep<T>&)
INSTANTIATE(float);
INSTANTIATE(bf16);

}  // namespace polonaise::kernels
