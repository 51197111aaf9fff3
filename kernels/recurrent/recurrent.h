#pragma once

#include <cstdint>
#include <span>

#include "kernels/base/devices.h"
#include "kernels/base/random.h"
#include "kernels/base/view.h"

namespace polonaise::kernels {

// Recurrent stacks: the op is the whole stack over the whole sequence, all layers and directions with dropout between
// layers, as torch.nn.RNN, LSTM and GRU are. Rows are independent, and blocks of rows and all sums are fixed by shape:
// results repeat bit for bit for any number of threads.
//
// The input product x weight_ih_l0^T of all steps is made outside, by whatever fits the input: an embedding bag for
// multi-hot frames, a matrix product for dense ones.

// G is a cell's number of gates, the blocks of H in its pre-activations; S its number of states beside h, blocks of H
// that stand side by side in every c. W x, b_ih, W_hh h and b_hh of one gate are written z_gate where only their sum
// counts.
//   rnn   G 1, S 0. Elman 1990, torch.nn.RNN with tanh:  h' = tanh(z)
//   lstm  G 4, S 1. Hochreiter, Schmidhuber 1997 with the forget gate of Gers et al. 2000, torch.nn.LSTM; gates i f g o:
//           i, f, o = sigmoid(z);  g = tanh(z_g);  c' = f c + i g;  h' = o tanh(c')
//   gru   G 3, S 0. Cho et al. 2014, reset after the product as torch.nn.GRU and cuDNN; gates r z n:
//           r, z = sigmoid(z);  n = tanh(W_in x + b_in + r (W_hn h + b_hn));  h' = (1 - z) n + z h
//   slstm G 4, S 3. Beck et al. 2024, xLSTM's scalar cell with one full recurrent matrix; gates i f z o, states c n m:
//           m' = max(log sigmoid(z_f) + m, z_i), but z_i where n = 0 (nothing was counted yet);
//           i = exp(z_i - m');  f = exp(log sigmoid(z_f) + m - m');  z = tanh(z_z);  o = sigmoid(z_o);
//           c' = f c + i z;  n' = f n + i;  h' = o c' / n'
//         The stabiliser m changes no h' and has no gradient. n' >= 1 where n is 0 or >= 1, as it is from zeros on.
enum class Cell { rnn, lstm, gru, slstm };
inline constexpr int kCells = 4;

struct CellShape {
  const char* name;
  int gates;        // G
  int states;       // S
  int slots;        // blocks of H that forward keeps for backward
  bool last_apart;  // the last gate's recurrent share has a gradient of its own, left in the last slot
};
constexpr CellShape shape_of(Cell cell) {
  switch (cell) {
    case Cell::rnn:
      return {.name = "rnn", .gates = 1, .states = 0, .slots = 1, .last_apart = false};
    case Cell::lstm:
      return {.name = "lstm", .gates = 4, .states = 1, .slots = 4, .last_apart = false};
    case Cell::gru:
      return {.name = "gru", .gates = 3, .states = 0, .slots = 4, .last_apart = true};
    case Cell::slstm:
      return {.name = "slstm", .gates = 4, .states = 3, .slots = 5, .last_apart = false};
  }
  return {};
}

struct RecurrentShape {
  Index T = 0;  // steps
  Index B = 0;  // rows of the batch
  Index H = 0;  // hidden units of one direction
  Index layers = 1;
  Index directions = 1;  // 2: a second stack of cells runs from the last step to the first
  Cell cell = Cell::lstm;

  constexpr Index gates() const { return shape_of(cell).gates; }
  constexpr Index states() const { return shape_of(cell).states; }
};

// The parameters of one layer in one direction, with torch's names and layouts. An array of them has layers *
// directions entries, the direction fastest. Empty gradients are not computed.
template <class T>
struct RecurrentLayer {
  View<T, 2> weight_ih;  // [G*H, directions*H]; empty in layer 0
  View<T, 2> weight_hh;  // [G*H, H]
  View<T, 1> bias_ih;    // [G*H]
  View<T, 1> bias_hh;    // [G*H]
};

// Dropout on the output of every layer but the last; layer l draws from op `stream.op + l`.
struct RecurrentDropout {
  float p = 0;
  RandomStream stream;
  Index first_row = 0;  // row of the whole batch that row 0 of this shard is
};

template <class T>
struct RecurrentForward {
  View<const T, 3> input;  // [T,B,directions*G*H]: x weight_ih_l0^T, the directions side by side, without biases
  std::span<const RecurrentLayer<const T>> weights;
  View<const float, 1> packed;               // from recurrent_pack of these weights
  View<const std::int32_t, 1> lengths = {};  // [B]: row b has steps 0..lengths[b]-1 and is silent (y = 0) after them,
                                             // as a packed sequence of torch; empty: all have T
  View<const T, 3> h0 = {};                  // [layers,B,H], or empty for zeros; only with one direction
  View<const T, 3> c0 = {};                  // [layers,B,S*H], as h0
  View<T, 3> y;                              // [T,B,directions*H], the top layer
  View<T, 3> hn = {};                        // [layers*directions,B,H]: the state after each row's last step, or empty
  View<T, 3> cn = {};                        // [layers*directions,B,S*H], as hn
  View<T, 1> saved;                          // recurrent_saved_size elements; backward reads them
  RecurrentDropout dropout = {};

  void check(const RecurrentShape&, Index packed_size) const;
};

template <class T>
struct RecurrentBackward {
  std::span<const RecurrentLayer<const T>> weights;
  View<const float, 1> packed;
  View<const std::int32_t, 1> lengths = {};
  View<const T, 3> h0 = {};
  View<const T, 3> c0 = {};
  View<const T, 3> y;         // as forward made it
  View<T, 1> saved;           // as forward made it; used up: backward writes gradients over it
  View<const T, 3> dy = {};   // [T,B,directions*H] or empty (zero)
  View<const T, 3> dhn = {};  // [layers*directions,B,H] or empty (zero)
  View<T, 3> dinput;          // [T,B,directions*G*H], written or added to
  Accumulate dinput_accumulate = Accumulate::no;
  std::span<const RecurrentLayer<float>> gradients;  // added to; float whatever T is, as the optimizer's masters
  View<T, 1> scratch;                                // recurrent_scratch_size elements
  RecurrentDropout dropout = {};

  void check(const RecurrentShape&, Index packed_size, Index scratch_size) const;
};

// A step of every layer (directions = 1), for sampling: the state is read and replaced.
template <class T>
struct RecurrentStep {
  View<const T, 2> input;  // [B,G*H]
  std::span<const RecurrentLayer<const T>> weights;
  View<const float, 1> packed;
  View<T, 3> h;       // [layers,B,H]; the top layer's is the output
  View<T, 3> c = {};  // [layers,B,S*H]

  void check(const RecurrentShape&, Index packed_size) const;
};

// Sizes in elements. Packed weights depend on the machine's vector width, so they are never saved.
Index recurrent_packed_size(const Cpu&, const RecurrentShape&);
Index recurrent_packed_size(const Cuda&, const RecurrentShape&);
Index recurrent_saved_size(const Cpu&, const RecurrentShape&, float dropout);
Index recurrent_saved_size(const Cuda&, const RecurrentShape&, float dropout);
Index recurrent_scratch_size(const Cpu&, const RecurrentShape&);
Index recurrent_scratch_size(const Cuda&, const RecurrentShape&);

// Puts recurrent weights into the order that the time loop reads them in; once after each change of the weights.
template <class T>
void recurrent_pack(Cpu&, const RecurrentShape&, std::span<const RecurrentLayer<const T>>, View<float, 1> packed);
template <class T>
void recurrent_pack(Cuda&, const RecurrentShape&, std::span<const RecurrentLayer<const T>>, View<float, 1> packed);

template <class T>
void recurrent_forward(Cpu&, const RecurrentShape&, const RecurrentForward<T>&);
template <class T>
void recurrent_forward(Cuda&, const RecurrentShape&, const RecurrentForward<T>&);

template <class T>
void recurrent_backward(Cpu&, const RecurrentShape&, const RecurrentBackward<T>&);
template <class T>
void recurrent_backward(Cuda&, const RecurrentShape&, const RecurrentBackward<T>&);

template <class T>
void recurrent_step(Cpu&, const RecurrentShape&, const RecurrentStep<T>&);
template <class T>
void recurrent_step(Cuda&, const RecurrentShape&, const RecurrentStep<T>&);

}  // namespace polonaise::kernels
