#pragma once

// The input and output of one unit's step, which the kernels of all recurrent cells share.
//
// A Cell, of a CellNumber, is a CellOnCuda and says: kKept (of its slots, those that forward writes), its kernels'
// names, and the equations on one unit.

#include <algorithm>

#include "kernels/cuda/host/launch.h"
#include "kernels/recurrent/cuda/stack.h"
#include "kernels/simt/simt.h"

namespace polonaise::kernels {

// A unit's states: h, and those beside it.
template <int kStates>
struct CellState {
  float h;
  float c[std::max(1, kStates)];
};

// A unit's gradient: dx of the input's share of its pre-activations, and the last gate's recurrent share where that is
// apart (else not set); then what the cell hands directly to the states before.
template <int kGates, int kStates>
struct CellGradient {
  float dx[kGates];
  float d_last;
  CellState<kStates> before;
};

// The base of each Cell.
template <Cell kCell>
struct CellOnCuda : CellOf<kCell> {
  using State = CellState<CellOf<kCell>::kStates>;
  using Gradient = CellGradient<CellOf<kCell>::kGates, CellOf<kCell>::kStates>;
};

namespace recurrent {

using simt::from_float;
using simt::to_float;

// 0 where there is no matrix.
template <class T>
__device__ float element(View<const T, 2> view, Index row, Index column) {
  return view.empty() ? 0.0f : to_float(view.row(row)[column]);
}

}  // namespace recurrent
}  // namespace polonaise::kernels
