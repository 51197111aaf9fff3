#pragma once

#include "kernels/recurrent.h"

namespace polonaise::kernels {

// The LSTM (Hochreiter, Schmidhuber 1997; forget gate: Gers et al. 2000), as torch.nn.LSTM; G = 4, gates in the order
// i f g o:
//   i, f, o = sigmoid(W x + b_ih + W_hh h + b_hh);  g = tanh(...);  c' = f c + i g;  h' = o tanh(c')
// RecurrentShape and the argument structs are documented in recurrent.h. Rows are independent, blocks of rows and all
// sums are fixed by shape: results repeat bit for bit for any number of threads.

// Sizes in elements. Packed weights depend on the machine's vector width, so they are never saved.
Index lstm_packed_size(const Cpu&, const RecurrentShape&);
Index lstm_packed_size(const Cuda&, const RecurrentShape&);
Index lstm_saved_size(const Cpu&, const RecurrentShape&, float dropout);
Index lstm_saved_size(const Cuda&, const RecurrentShape&, float dropout);
Index lstm_scratch_size(const Cpu&, const RecurrentShape&);
Index lstm_scratch_size(const Cuda&, const RecurrentShape&);

// Recurrent weights in the order that the time loop reads them; once after each change of the weights.
template <class T>
void lstm_pack(Cpu&, const RecurrentShape&, std::span<const RecurrentLayer<const T>> weights, View<float, 1> packed);
template <class T>
void lstm_pack(Cuda&, const RecurrentShape&, std::span<const RecurrentLayer<const T>> weights, View<float, 1> packed);

template <class T>
void lstm_forward(Cpu&, const RecurrentShape&, const RecurrentForward<T>&);
template <class T>
void lstm_forward(Cuda&, const RecurrentShape&, const RecurrentForward<T>&);

template <class T>
void lstm_backward(Cpu&, const RecurrentShape&, const RecurrentBackward<T>&);
template <class T>
void lstm_backward(Cuda&, const RecurrentShape&, const RecurrentBackward<T>&);

template <class T>
void lstm_step(Cpu&, const RecurrentShape&, const RecurrentStep<T>&);
template <class T>
void lstm_step(Cuda&, const RecurrentShape&, const RecurrentStep<T>&);

}  // namespace polonaise::kernels
