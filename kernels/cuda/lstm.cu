#include "kernels/lstm.h"

#include "kernels/cuda/recurrent-inl.h"

namespace polonaise::kernels {
namespace {

struct Lstm {
  using Equations = LstmCell<float>;
  static constexpr int kGates = 4, kSlots = 4, kKept = 4;
  static constexpr bool kHasC = true, kLastApart = false;
  static constexpr const char *kForward = "lstm_forward", *kBackward = "lstm_backward";

  static __device__ CellState forward(const float (&x)[4], const float (&r)[4], CellState before, float (&kept)[4]) {
    const auto gates = Equations::activate(x[0] + r[0], x[1] + r[1], x[2] + r[2], x[3] + r[3]);
    kept[0] = gates.i;
    kept[1] = gates.f;
    kept[2] = gates.g;
    kept[3] = gates.o;
    const float c = Equations::next_c(gates, before.c);
    return {Equations::next_h(gates, c), c};
  }

  static __device__ CellGradient<4> backward(const float (&kept)[4], CellState before, CellState after, float dh,
                                             float dc) {
    const Equations::Gates gates{kept[0], kept[1], kept[2], kept[3]};
    const auto d = Equations::backward(gates, before.c, after.c, dh, dc);
    return {{d.dz.i, d.dz.f, d.dz.g, d.dz.o}, 0, {0, d.dc}};
  }
};

template <class T>
CudaRecurrentStack<T> stack(const RecurrentShape& shape) {
  return {recurrent::cell_kernels<Lstm, T>(), shape};
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
