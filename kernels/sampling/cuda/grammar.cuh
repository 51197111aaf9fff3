#pragma once

#include "kernels/sampling/grammar_rules.h"
#include "kernels/simt/simt.h"

// A row's grammar by a block of kThreads along x, all of whom call. `state` is the row's, in shared or device memory.

namespace polonaise::kernels {

// The caller sees to it that nobody reads the state before all have returned.
template <int kThreads>
__device__ void grammar_take_row(const Grammar& grammar, Index token, std::int32_t* state) {
  const Index ring = grammar_ring_size(grammar);
  std::int32_t taken_back = 0;
  if (ring > 0) {
    const Index ticks = grammar_ticks(grammar, state, token), passed = std::min(ticks, ring);
    for (Index i = 1 + threadIdx.x; i <= passed; i += kThreads) {
      std::int32_t& place = grammar_ring(grammar, state)[grammar_ring_place(grammar, state, i)];
      taken_back += place;
      place = 0;
    }
    taken_back = simt::block::sum<kThreads>(taken_back);
  }
  simt::block::sync<kThreads>();  // the state was read by all
  if (threadIdx.x == 0) grammar_take_passed(grammar, token, taken_back, state);
}

}  // namespace polonaise::kernels
