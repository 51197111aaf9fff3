#pragma once

// The products of team_of_many.cuh. A block keeps all weights of its kUnits units in registers, for all H inputs:
// each of its warps takes slices of the inputs, and leaves the sums over its slices in shared memory, where the block
// adds those of all warps. Lanes load inputs where the other blocks put them, 16 bytes each, and no input twice.
//
// A TeamSlices says: kGates, kUnits, kParts (matrices that it multiplies: the states, or each gate's gradients) and
// kMostH. load() takes the weights up; multiply() leaves in `partials` [kSums, kTeamRows, kUnits] of the warp the sums
// of each gate, or, where every gate has inputs of its own, of all gates.

#include <algorithm>
#include <concepts>

#include "kernels/base/view.h"
#include "kernels/simt/simt.h"

namespace polonaise::kernels::recurrent {

// The elements that a step passes on to the team's blocks: [parts][rows][units], 0 where there is no row or unit.
template <class Element>
struct Inputs {
  const Element* values;
  int part_stride, row_stride;
  int units;  // of all blocks, in whole tiles of 8
  int rows;   // that any of the team's rows is among
};

template <class Slices>
concept TeamSlices = requires(Slices slices, const Slices& loaded, View<const typename Slices::Element, 2> weights,
                              int first_unit, Index H, const Inputs<typename Slices::Element>& inputs,
                              float* partials) {
  requires Slices::kGates >
  0 && Slices::kUnits > 0 && Slices::kParts > 0 && Slices::kSums > 0 && Slices::kRows > 0 && Slices::kMostH > 0;
  slices.load(weights, first_unit, H);
  loaded.multiply(inputs, partials);
};

inline constexpr int kSliceWarps = 8, kSliceThreads = 32 * kSliceWarps;

class WarpOfSlices {
 protected:
  static __device__ int warp() { return static_cast<int>(threadIdx.x) / 32; }
  static __device__ int lane() { return static_cast<int>(threadIdx.x) % 32; }
  static __device__ int g() { return lane() / 4; }
  static __device__ int t() { return lane() % 4; }

  // 0 beyond H. Offsets of 32 bits, as many addresses at once would take all registers.
  template <class T>
  static __device__ T weight(View<const T, 2> weights, Index H, int gate, int output, int input, bool transposed) {
    if (output >= H || input >= H) return simt::from_float<T>(0.0f);
    const auto row = static_cast<unsigned>(gate * H + (transposed ? input : output));
    return weights
        .data()[row * static_cast<unsigned>(weights.stride()) + static_cast<unsigned>(transposed ? output : input)];
  }
};

// Tensor cores, bf16 with sums in float. Rows of the batch are an mma's rows, eight units its columns, and the weights
// its b-fragments. The order of inputs within a slice of 32 is the fragments' own, so that a lane's are neighbours.
template <int kTheGates, int kTiles, int kTeamRows, int kMostSlices, bool kTransposed>
class MmaSlices : WarpOfSlices {
  static constexpr int kSlice = 32;

 public:
  using Element = bf16;
  static constexpr int kGates = kTheGates, kUnits = 8 * kTiles, kParts = kTransposed ? kGates : 1;
  static constexpr int kSums = kTransposed ? 1 : kGates, kRows = std::min(16, kTeamRows);
  static constexpr int kMostH = kSlice * kSliceWarps * kMostSlices;

  __device__ void load(View<const bf16, 2> weights, int first_unit, Index H) {
#pragma unroll
    for (int j = 0; j < kMostSlices; ++j)
#pragma unroll
      for (int gate = 0; gate < kGates; ++gate) {
#pragma unroll
        for (int tile = 0; tile < kTiles; ++tile)
          for (int i = 0; i < 4; ++i) {
            const int unit = first_unit + 8 * tile + g(), k = first_input(j) + 2 * i;
            weights_[j][gate][tile][i] = simt::pack(weight(weights, H, gate, unit, k, kTransposed),
                                                    weight(weights, H, gate, unit, k + 1, kTransposed));
          }
        __syncwarp();  // or the compiler loads all at once, which spills
      }
  }

  __device__ void multiply(const Inputs<bf16>& inputs, float* partials) const {
    // Sums that do not wait for each other: of each gate, or two of all where one would do.
    constexpr int kChains = kTransposed ? std::min(2, kGates) : kGates;
    // How many slices' inputs are under way at once: as many as there are registers for.
    constexpr int kDeep = kTransposed ? std::min(2, kMostSlices) : kMostSlices;
    for (int first = 0; first < inputs.rows; first += kRows) {
      float d[kChains][kTiles][4] = {};
      Fragments a[kDeep];
      for (int j = 0; j < kDeep; ++j) fetch(inputs, first, j, a[j]);
#pragma unroll
      for (int j = 0; j < kMostSlices; ++j) {
        if ((j * kSliceWarps + warp()) * kSlice < inputs.units)
#pragma unroll
          for (int half = 0; half < 2; ++half)
#pragma unroll
            for (int gate = 0; gate < kGates; ++gate)
#pragma unroll
              for (int tile = 0; tile < kTiles; ++tile) {
                const auto& [low, high] = a[j % kDeep].rows[kTransposed ? gate : 0];
                const std::uint32_t rows[4] = {low[2 * half], high[2 * half], low[2 * half + 1], high[2 * half + 1]};
                const std::uint32_t b[2] = {weights_[j][gate][tile][2 * half], weights_[j][gate][tile][2 * half + 1]};
                simt::mma_m16n8k16(d[gate % kChains][tile], rows, b);
              }
        if (j + kDeep < kMostSlices) {
          __syncwarp();  // or the compiler fetches all at once here too
          fetch(inputs, first, j + kDeep, a[j % kDeep]);
        }
      }
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile)
#pragma unroll
        for (int i = 0; i < (kRows > 8 ? 4 : 2); i += 2) {
          float* const to = partials + (first + g() + 4 * i) * kUnits + 8 * tile + 2 * t();
          if constexpr (kTransposed) {
            simt::Vector<float, 2> sum{d[0][tile][i], d[0][tile][i + 1]};
#pragma unroll
            for (int chain = 1; chain < kChains; ++chain)
              for (int k = 0; k < 2; ++k) sum[k] += d[chain][tile][i + k];
            simt::store(to, sum);
          } else {
#pragma unroll
            for (int gate = 0; gate < kGates; ++gate)
              simt::store(to + gate * kTeamRows * kUnits,
                          simt::Vector<float, 2>{d[gate][tile][i], d[gate][tile][i + 1]});
          }
        }
    }
  }

 private:
  // The inputs of rows g and g + 8, two a register.
  using Words = simt::Vector<std::uint32_t, 4>;
  struct Fragments {
    struct Rows {
      Words low, high;
    } rows[kParts];
  };

  static __device__ int first_input(int j) {
    return (j * kSliceWarps + warp()) * kSlice + 8 * t();
  }

  static __device__ void fetch(const Inputs<bf16>& inputs, int first, int j, Fragments& a) {
    const int k = first_input(j);
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      a.rows[part] = {};
      if (k >= inputs.units) continue;
      const auto words = [&](int row) {
        return simt::load<4>(reinterpret_cast<const std::uint32_t*>(inputs.values + part * inputs.part_stride +
                                                                    row * inputs.row_stride + k));
      };
      a.rows[part].low = words(first + g());
      if constexpr (kRows > 8) a.rows[part].high = words(first + g() + 8);
    }
  }

  std::uint32_t weights_[kMostSlices][kGates][kTiles][4];
};

// Exact, in float. Four neighbouring lanes share a unit, each with a quarter of a slice's inputs, for all gates; of
// four rows each gets the sum of one.
template <int kTheGates, int kTiles, int kTeamRows, int kMostSlices>
class QuadSlices : WarpOfSlices {
  static constexpr int kSlice = 16;

 public:
  using Element = float;
  static constexpr int kGates = kTheGates, kUnits = 8 * kTiles, kParts = 1, kSums = kGates, kRows = 4;
  static constexpr int kMostH = kSlice * kSliceWarps * kMostSlices;

  __device__ void load(View<const float, 2> weights, int first_unit, Index H) {
#pragma unroll
    for (int j = 0; j < kMostSlices; ++j)
#pragma unroll
      for (int gate = 0; gate < kGates; ++gate)
#pragma unroll
        for (int tile = 0; tile < kTiles; ++tile)
          for (int i = 0; i < 4; ++i)
            weights_[j][gate][tile][i] =
                weight(weights, H, gate, first_unit + 8 * tile + g(), first_input(j) + i, false);
  }

  __device__ void multiply(const Inputs<float>& inputs, float* partials) const {
    for (int first = 0; first < inputs.rows; first += kRows)
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile) {
        float parts[kGates][kRows] = {};
#pragma unroll
        for (int j = 0; j < kMostSlices; ++j) {
          const int k = first_input(j);
          if (k >= inputs.units) continue;
          for (int r = 0; r < kRows; ++r) {
            const auto x = simt::load<4>(inputs.values + (first + r) * inputs.row_stride + k);
#pragma unroll
            for (int gate = 0; gate < kGates; ++gate)
              for (int i = 0; i < 4; ++i) parts[gate][r] += weights_[j][gate][tile][i] * x[i];
          }
        }
#pragma unroll
        for (int gate = 0; gate < kGates; ++gate)
          partials[(gate * kTeamRows + first + t()) * kUnits + 8 * tile + g()] = gather(parts[gate]);
      }
  }

 private:
  static __device__ int first_input(int j) {
    return (j * kSliceWarps + warp()) * kSlice + 4 * t();
  }

  // The quad's sum of the row that the lane gets: each hands the other pair what is theirs, then its neighbour.
  static __device__ float gather(const float (&parts)[4]) {
    const bool upper = (t() & 2) != 0, odd = (t() & 1) != 0;
    float pair[2];
    for (int i = 0; i < 2; ++i)
      pair[i] =
          (upper ? parts[2 + i] : parts[i]) + simt::shuffle_xor(simt::kWholeWarp, upper ? parts[i] : parts[2 + i], 2);
    return (odd ? pair[1] : pair[0]) + simt::shuffle_xor(simt::kWholeWarp, odd ? pair[0] : pair[1], 1);
  }

  float weights_[kMostSlices][kGates][kTiles][4];
};

// Exact and transposed: an input counts for one gate, so that it is used less often. A slice is 128 inputs of a gate,
// of which a lane has four, for eight units; of their sums over four rows each lane gets one.
template <int kTheGates, int kTiles, int kTeamRows, int kTheMostH>
class LaneSlices : WarpOfSlices {
 public:
  using Element = float;
  static constexpr int kGates = kTheGates, kUnits = 8 * kTiles, kParts = kGates, kSums = 1, kRows = 4;
  static constexpr int kMostH = kTheMostH;

  __device__ void load(View<const float, 2> weights, int first_unit, Index H) {
#pragma unroll
    for (int j = 0; j < kMostSlices; ++j)
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile)
        for (int u = 0; u < 8; ++u)
          for (int i = 0; i < 4; ++i)
            weights_[j][tile][u][i] =
                weight(weights, H, gate_of(j), first_unit + 8 * tile + u, first_input(j) + i, true);
  }

  __device__ void multiply(const Inputs<float>& inputs, float* partials) const {
    for (int first = 0; first < inputs.rows; first += kRows)
#pragma unroll
      for (int tile = 0; tile < kTiles; ++tile) {
        float parts[kRows * 8] = {};
#pragma unroll
        for (int j = 0; j < kMostSlices; ++j) {
          const int k = first_input(j);
          if (k >= inputs.units) continue;
          const float* const from = inputs.values + gate_of(j) * inputs.part_stride + first * inputs.row_stride + k;
          for (int r = 0; r < kRows; ++r) {
            const auto x = simt::load<4>(from + r * inputs.row_stride);
            for (int u = 0; u < 8; ++u)
              for (int i = 0; i < 4; ++i) parts[8 * r + u] += weights_[j][tile][u][i] * x[i];
          }
        }
        partials[(first + lane() / 8) * kUnits + 8 * tile + lane() % 8] = scatter(parts);
      }
  }

 private:
  static constexpr int kSlice = 128;
  static constexpr int kMostSlices = (kGates * ((kMostH + kSlice - 1) / kSlice) + kSliceWarps - 1) / kSliceWarps;

  static __device__ int gate_of(int j) {
    return (j * kSliceWarps + warp()) % kGates;
  }
  static __device__ int first_input(int j) {
    return (j * kSliceWarps + warp()) / kGates * kSlice + 4 * lane();
  }

  // The warp's sum of parts[lane()]: from level to level a lane keeps the half that its own is in, and hands on the
  // other.
  static __device__ float scatter(float (&parts)[32]) {
#pragma unroll
    for (int half = 16; half > 0; half /= 2) {
      const bool upper = (lane() & half) != 0;
      for (int i = 0; i < half; ++i)
        parts[i] = (upper ? parts[half + i] : parts[i]) +
                   simt::shuffle_xor(simt::kWholeWarp, upper ? parts[i] : parts[half + i], half);
    }
    return parts[0];
  }

  float weights_[kMostSlices][kTiles][8][4];
};

}  // namespace polonaise::kernels::recurrent
