#pragma once

#include <vector>

#include "kernels/recurrent/layout.h"

namespace polonaise::kernels {

// The arguments of a time loop: one layer in one direction over a block of rows. Rows of the matrices are (t, b)
// flattened.
struct TimeLoop {
  Index T = 0, B = 0, H = 0;
  bool reverse = false;
  Index first_row = 0, row_count = 0;  // the block
  const float* packed = nullptr;
  const std::int32_t* lengths = nullptr;  // [B] or null
  const float* h0 = nullptr;              // [B,H] or null
  const float* c0 = nullptr;              // [B,S*H] or null
  // [T*B, G*H] the input's share of the pre-activations; may be the memory of `gates`.
  View<const float, 2> product = {};
  View<float, 2> gates = {};  // [T*B, slots*H] kept for backward
  View<float, 2> c = {};      // [T*B, S*H]
  View<float, 2> y = {};      // [T*B, H]
};

struct TimeLoopBackward : TimeLoop {
  View<const float, 2> dy = {};  // [T*B, H] or empty
  View<float, 2> dgates = {};    // [T*B, G*H], of the input's share; may be `gates`'s own memory
  float* dh = nullptr;           // [B,H]: on entry the gradient of the last state, then carried from step to step
  float* dc = nullptr;           // [B,S*H]
};

// The arguments of one step of one layer over all rows: the product of the packed input weights with x (null in layer
// 0, whose product is given) and of the recurrent weights with h.
struct CellStep {
  Index B = 0, H = 0;
  const float* packed = nullptr;
  const float* packed_input = nullptr;  // null in layer 0
  View<const float, 2> product = {};    // [B, G*H], layer 0
  const float* x = nullptr;             // [B,H], the layer below
  float* h = nullptr;                   // [B,H], replaced
  float* c = nullptr;                   // [B,S*H], replaced
};

inline constexpr Index kRowBlock = 8;  // rows that one task carries through time

// The time loops of one cell for the machine's vector target (loops-inl.h).
struct CellLoops {
  Index (*packed_size)(Index H);
  Index (*packed_input_size)(Index H);
  void (*pack)(Index H, const RecurrentLayer<const float>&, float* packed);
  void (*pack_input)(Index H, View<const float, 2> weight, float* packed);
  void (*forward)(const TimeLoop&);
  void (*backward)(const TimeLoopBackward&);
  void (*step)(const CellStep&);
  void (*add_column_sums)(View<const float, 2> x, float* sums);  // sums[c] += sum_r x[r,c]
};
template <Cell>
const CellLoops& loops_of();  // CELL.cpp

// The part of a recurrent stack that is the same for every cell: layers, directions, blocks of rows, and the products
// over all steps at once.
class RecurrentStack {
 public:
  explicit RecurrentStack(const RecurrentShape&);

  // Packed, for each layer and direction: what the time loop reads, then (above the first layer) the input weights.
  Index packed_size() const;
  Index saved_size(float dropout) const { return layout_.saved_size(dropout); }
  Index scratch_size() const;

  void pack(std::span<const RecurrentLayer<const float>> weights, View<float, 1> packed) const;
  void forward(Cpu&, const RecurrentForward<float>&) const;
  void backward(Cpu&, const RecurrentBackward<float>&) const;
  void step(const RecurrentStep<float>&) const;

 private:
  Index packed_stride() const;
  template <class Arguments>
  TimeLoop time_loop(Index layer, Index direction, const Arguments&) const;
  template <class Loop>
  void run(Cpu&, const std::vector<Loop>&, void (*body)(const Loop&)) const;
  void last_states(Index layer, const TimeLoop&, const RecurrentForward<float>&) const;
  void weight_gradients(Cpu&, Index layer, const TimeLoopBackward&, const RecurrentBackward<float>&) const;

  const CellLoops& cell_;
  RecurrentLayout layout_;
  RecurrentShape s_;
};

}  // namespace polonaise::kernels
