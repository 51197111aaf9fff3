#include "kernels/rnn.h"

#include "kernels/cuda/recurrent_kernels-inl.h"

namespace polonaise::kernels {
namespace {

template <class T>
CudaRecurrentStack<T> stack(const RecurrentShape& shape) {
  return {recurrent::cell_kernels<recurrent::Rnn<CellNumber<T>>, T>(), shape};
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
