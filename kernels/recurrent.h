#pragma once

#include <cstdint>
#include <span>

#include "kernels/device.h"
#include "kernels/random.h"
#include "kernels/view.h"

namespace polonaise::kernels {

// What the recurrent families (rnn.h, lstm.h, gru.h) share: the op is the whole stack over the whole sequence, all
// layers and directions with dropout between layers, as torch.nn.RNN, LSTM and GRU are. G is a cell's number of gates
// (1, 4, 3).
//
// The input product x weight_ih_l0^T of all steps is made outside, by whatever fits the input: an embedding bag for
// multi-hot frames, a matrix product for dense ones.

struct RecurrentShape {
  Index T = 0;  // steps
  Index B = 0;  // rows of the batch
  Index H = 0;  // hidden units of one direction
  Index layers = 1;
  Index directions = 1;  // 2: a second stack of cells runs from the last step to the first
};

// One layer in one direction, torch's names and layouts. An array of them has layers * directions entries, the
// direction fastest. Empty gradients are not computed.
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
  View<const float, 1> packed;               // from *_pack of these weights
  View<const std::int32_t, 1> lengths = {};  // [B]: row b has steps 0..lengths[b]-1 and is silent (y = 0) after them,
                                             // as a packed sequence of torch; empty: all have T
  View<const T, 3> h0 = {};                  // [layers,B,H], or empty for zeros; only with one direction
  View<const T, 3> c0 = {};                  // the same, LSTM only
  View<T, 3> y;                              // [T,B,directions*H], the top layer
  View<T, 3> hn = {};                        // [layers*directions,B,H]: the state after each row's last step, or empty
  View<T, 3> cn = {};                        // the same, LSTM only
  View<T, 1> saved;                          // *_saved_size elements; backward reads them
  RecurrentDropout dropout = {};
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
  View<T, 1> scratch;                                // *_scratch_size elements
  RecurrentDropout dropout = {};
};

// One step of every layer (directions = 1), for sampling: the state is read and replaced.
template <class T>
struct RecurrentStep {
  View<const T, 2> input;  // [B,G*H]
  std::span<const RecurrentLayer<const T>> weights;
  View<const float, 1> packed;
  View<T, 3> h;       // [layers,B,H]; the top layer's is the output
  View<T, 3> c = {};  // [layers,B,H], LSTM only
};

}  // namespace polonaise::kernels
