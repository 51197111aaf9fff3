#pragma once

#include "kernels/recurrent.h"

namespace polonaise::kernels {

// The tanh RNN (Elman 1990), as torch.nn.RNN; G = 1:
//   h' = tanh(W_ih x + b_ih + W_hh h + b_hh)
// RecurrentShape and the argument structs are documented in recurrent.h. Rows are independent, blocks of rows and all
// sums are fixed by shape: results repeat bit for bit for any number of threads.

// Sizes in elements. Packed weights depend on the machine's vector width, so they are never saved.
Index rnn_packed_size(const Cpu&, const RecurrentShape&);
Index rnn_packed_size(const Cuda&, const RecurrentShape&);
Index rnn_saved_size(const Cpu&, const RecurrentShape&, float dropout);
Index rnn_saved_size(const Cuda&, const RecurrentShape&, float dropout);
Index rnn_scratch_size(const Cpu&, const RecurrentShape&);
Index rnn_scratch_size(const Cuda&, const RecurrentShape&);

// Recurrent weights in the order that the time loop reads them; once after each change of the weights.
template <class T>
void rnn_pack(Cpu&, const RecurrentShape&, std::span<const RecurrentLayer<const T>> weights, View<float, 1> packed);
template <class T>
void rnn_pack(Cuda&, const RecurrentShape&, std::span<const RecurrentLayer<const T>> weights, View<float, 1> packed);

template <class T>
void rnn_forward(Cpu&, const RecurrentShape&, const RecurrentForward<T>&);
template <class T>
void rnn_forward(Cuda&, const RecurrentShape&, const RecurrentForward<T>&);

template <class T>
void rnn_backward(Cpu&, const RecurrentShape&, const RecurrentBackward<T>&);
template <class T>
void rnn_backward(Cuda&, const RecurrentShape&, const RecurrentBackward<T>&);

template <class T>
void rnn_step(Cpu&, const RecurrentShape&, const RecurrentStep<T>&);
template <class T>
void rnn_step(Cuda&, const RecurrentShape&, const RecurrentStep<T>&);

}  // namespace polonaise::kernels
