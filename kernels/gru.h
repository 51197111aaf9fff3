#pragma once

#include "kernels/recurrent.h"

namespace polonaise::kernels {

// The GRU (Cho et al. 2014; reset after the product, as cuDNN and torch.nn.GRU); G = 3, gates in the order r z n:
//   r, z = sigmoid(W x + b_ih + W_hh h + b_hh);  n = tanh(W_in x + b_in + r (W_hn h + b_hn));  h' = (1 - z) n + z h
// RecurrentShape and the argument structs are documented in recurrent.h. Rows are independent, blocks of rows and all
// sums are fixed by shape: results repeat bit for bit for any number of threads.

// Sizes in elements. Packed weights depend on the machine's vector width, so they are never saved.
Index gru_packed_size(const Cpu&, const RecurrentShape&);
Index gru_packed_size(const Cuda&, const RecurrentShape&);
Index gru_saved_size(const Cpu&, const RecurrentShape&, float dropout);
Index gru_saved_size(const Cuda&, const RecurrentShape&, float dropout);
Index gru_scratch_size(const Cpu&, const RecurrentShape&);
Index gru_scratch_size(const Cuda&, const RecurrentShape&);

// Recurrent weights in the order that the time loop reads them; once after each change of the weights.
template <class T>
void gru_pack(Cpu&, const RecurrentShape&, std::span<const RecurrentLayer<const T>> weights, View<float, 1> packed);
template <class T>
void gru_pack(Cuda&, const RecurrentShape&, std::span<const RecurrentLayer<const T>> weights, View<float, 1> packed);

template <class T>
void gru_forward(Cpu&, const RecurrentShape&, const RecurrentForward<T>&);
template <class T>
void gru_forward(Cuda&, const RecurrentShape&, const RecurrentForward<T>&);

template <class T>
void gru_backward(Cpu&, const RecurrentShape&, const RecurrentBackward<T>&);
template <class T>
void gru_backward(Cuda&, const RecurrentShape&, const RecurrentBackward<T>&);

template <class T>
void gru_step(Cpu&, const RecurrentShape&, const RecurrentStep<T>&);
template <class T>
void gru_step(Cuda&, const RecurrentShape&, const RecurrentStep<T>&);

}  // namespace polonaise::kernels
