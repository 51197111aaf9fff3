#pragma once

// The product of sequence.cuh on tensor cores, in bf16 with sums in float. A warp owns sixteen units and
// eight rows: for each gate one tile of an mma's sixteen rows, kept in registers as its a-fragments for all steps. The
// tiles of all gates being made alike, the gates of a unit meet in one thread.

#include <algorithm>

#include "kernels/base/view.h"
#include "kernels/simt/simt.h"

namespace polonaise::kernels::recurrent {

template <int kTheGates, int kTheUnits>
class Tiles {
  static_assert(kTheUnits % 16 == 0);

 public:
  using Element = bf16;
  // A thread's pairs are those of an mma's d: units g and g + 8 of the warp, rows 2t and 2t + 1 (kernels/simt/mma.h).
  static constexpr int kGates = kTheGates, kRows = 8, kUnits = kTheUnits, kPairs = 4;
  // Rows of a block lie 4 words off each other's banks, so that the reads of a fragment meet 32 different ones.
  static constexpr int kThreads = 2 * kUnits, kStride = kUnits + 8, kBlock = kRows * kStride;

  static __device__ int row(int pair) { return 2 * t() + pair % 2; }
  static __device__ int unit(int pair) { return first_unit() + g() + 8 * (pair / 2); }
  static __device__ bool owns() { return true; }
  static __device__ int place(int row, int unit) { return row * kStride + unit; }

  __device__ void load(View<const bf16, 2> weight, Index H) {
    load_tiles(H, [=](int gate, int unit, int k) { return weight.row(gate * H + unit)[k]; });
  }
  __device__ void load_transposed(View<const bf16, 2> weight, Index H) {
    load_tiles(H, [=](int gate, int unit, int k) { return weight.row(gate * H + k)[unit]; });
  }

  // sums[pair][gate] += sum_k weight[gate][unit, k] inputs[gate stride + place(row, k)]
  __device__ void multiply(const bf16* inputs, int stride, float (&sums)[kPairs][kGates]) const {
    float d[kGates][kPairs];
    for (int gate = 0; gate < kGates; ++gate)
      for (int pair = 0; pair < kPairs; ++pair) d[gate][pair] = sums[pair][gate];
#pragma unroll
    for (int tile = 0; tile < kTiles; ++tile) {
      std::uint32_t b[2];
      for (int gate = 0; gate < kGates; ++gate) {
        if (gate == 0 || stride != 0) {
          const bf16* from = inputs + gate * stride + place(g(), 16 * tile + 2 * t());
          b[0] = two(from);
          b[1] = two(from + 8);
        }
        if (const int which = tile * kGates + gate; which < kInRegisters) {
          simt::mma_m16n8k16(d[gate], weights_[which], b);
        } else {
          const auto rest = simt::load<4>(place_of_rest(which));
          const std::uint32_t a[4] = {rest[0], rest[1], rest[2], rest[3]};
          simt::mma_m16n8k16(d[gate], a, b);
        }
      }
    }
    for (int gate = 0; gate < kGates; ++gate)
      for (int pair = 0; pair < kPairs; ++pair) sums[pair][gate] = d[gate][pair];
  }

 private:
  // Fragments of the weights, 4 registers each: as many as ptxas has room for without spilling are kept there, the rest
  // (of LSTMs of more than 64 units) in shared memory.
  static constexpr int kTiles = kUnits / 16, kFragments = kTiles * kGates, kInRegisters = std::min(kFragments, 25);

  static __device__ int g() {
    return static_cast<int>(threadIdx.x) % 32 / 4;
  }
  static __device__ int t() {
    return static_cast<int>(threadIdx.x) % 4;
  }
  static __device__ int first_unit() {
    return static_cast<int>(threadIdx.x) / 32 * 16;
  }

  static __device__ std::uint32_t two(const bf16* neighbours) {
    const auto pair = simt::load<2>(neighbours);
    return simt::pack(pair[0], pair[1]);
  }

  // weight(gate, unit, k); 0 beyond H.
  template <class Weight>
  __device__ void load_tiles(Index H, Weight&& weight) {
    const auto at = [&](int gate, int unit, int k) { return unit < H && k < H ? weight(gate, unit, k) : bf16(0.0f); };
    const auto fragment = [&](int which, int i) {
      const int unit = first_unit() + g() + i % 2 * 8, k = which / kGates * 16 + 2 * t() + i / 2 * 8;
      return simt::pack(at(which % kGates, unit, k), at(which % kGates, unit, k + 1));
    };
#pragma unroll
    for (int which = 0; which < kInRegisters; ++which) {
#pragma unroll
      for (int i = 0; i < 4; ++i) weights_[which][i] = fragment(which, i);
      if (which % 8 == 7) __syncwarp();  // or the compiler loads all at once, which spills
    }
    if constexpr (kInRegisters < kFragments) {
      SHARED(std::uint32_t, rest, [(kFragments - kInRegisters) * kThreads * 4]);
      rest_ = rest;
      for (int which = kInRegisters; which < kFragments; ++which)
        for (int i = 0; i < 4; ++i) place_of_rest(which)[i] = fragment(which, i);
    }
  }

  // Returns the address of a fragment that is not in the thread's registers; no other thread reads it.
  __device__ std::uint32_t* place_of_rest(int which) const {
    return rest_ + ((which - kInRegisters) * kThreads + static_cast<int>(threadIdx.x)) * 4;
  }

  std::uint32_t weights_[kInRegisters][4];
  std::uint32_t* rest_ = nullptr;
};

}  // namespace polonaise::kernels::recurrent
