#include "kernels/rnn.h"

#include "kernels/cuda/recurrent_kernels-inl.h"

namespace polonaise::kernels {
namespace {

// V: what the equations are worked out in (CellNumber).
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

template <class T>
CudaRecurrentStack<T> stack(const RecurrentShape& shape) {
  return {recurrent::cell_kernels<Rnn<CellNumber<T>>, T>(), shape};
}

}  // namespace

Index rnn_packed_size(const Cuda&, const RecurrentShape& shape) {
  return stack<float>(shape).packed_size();
}
Index rnn_saved_size(const Cuda&, const RecurrentShape& shape, float dropout) {
  return stack<float>(shape).saved_size(dropout);
}
Index rnn_scratch_size(const Cuda&, const RecurrentShape& shape) {
  return stack<float>(shape).scratch_size();
}

template <class T>
void rnn_pack(Cuda&, const RecurrentShape& shape, std::span<const RecurrentLayer<const T>> weights,
              View<float, 1> packed) {
  stack<T>(shape).pack(weights, packed);
}
template <class T>
void rnn_forward(Cuda& cuda, const RecurrentShape& shape, const RecurrentForward<T>& arguments) {
  stack<T>(shape).forward(cuda, arguments);
}
template <class T>
void rnn_backward(Cuda& cuda, const RecurrentShape& shape, const RecurrentBackward<T>& arguments) {
  stack<T>(shape).backward(cuda, arguments);
}
template <class T>
void rnn_step(Cuda& cuda, const RecurrentShape& shape, const RecurrentStep<T>& arguments) {
  stack<T>(shape).step(cuda, arguments);
}

#define INSTANTIATE(T)                                                                                               \
  template void rnn_pack<T>(Cuda&, const RecurrentShape&, std::span<const RecurrentLayer<const T>>, View<float, 1>); \
  template void rnn_forward<T>(Cuda&, const RecurrentShape&, const RecurrentForward<T>&);                            \
  template void rnn_backward<T>(Cuda&, const RecurrentShape&, const RecurrentBackward<T>&);                          \
  template void rnn_step<T>(Cuda&, const RecurrentShape&, const RecurrentStep<T>&)
INSTANTIATE(float);
INSTANTIATE(bf16);

}  // namespace polonaise::kernels
