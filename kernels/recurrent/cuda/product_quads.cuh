#pragma once

// The exact product of sequence.cuh, in float. Four neighbouring lanes share a unit: each keeps a quarter
// of its weights, all gates', multiplies the states of all rows by them, and gets the whole sums of one row back.

#include "kernels/base/view.h"
#include "kernels/simt/simt.h"

namespace polonaise::kernels::recurrent {

// Returns the thread's index among the four neighbouring lanes of its quad.
__device__ inline int quad_lane() {
  return static_cast<int>(threadIdx.x) % 4;
}

// The quad's sum of the row that the lane owns: of one row all lanes get it, of four each its own.
__device__ inline float quad_sum(const float (&parts)[1]) {
  float sum = parts[0];
  sum += simt::shuffle_xor(simt::kWholeWarp, sum, 2);
  sum += simt::shuffle_xor(simt::kWholeWarp, sum, 1);
  return sum;
}
// Returns the quad's sum of the part that the lane owns: lanes exchange with the other pair, then with their neighbour.
__device__ inline float quad_sum(const float (&parts)[4]) {
  const bool upper = (quad_lane() & 2) != 0, odd = (quad_lane() & 1) != 0;
  float pair[2];
  for (int i = 0; i < 2; ++i)
    pair[i] =
        (upper ? parts[2 + i] : parts[i]) + simt::shuffle_xor(simt::kWholeWarp, upper ? parts[i] : parts[2 + i], 2);
  return (odd ? pair[1] : pair[0]) + simt::shuffle_xor(simt::kWholeWarp, odd ? pair[0] : pair[1], 1);
}

// kTheRows is 4, a row a lane, or 1, which the first lane owns: less work a step, for batches that leave
// multiprocessors idle. Both add in the same order, so that no result depends on which is taken.
template <int kTheGates, int kTheRows>
class Quads {
  static_assert(kTheRows == 1 || kTheRows == 4);

 public:
  using Element = float;
  static constexpr int kGates = kTheGates, kRows = kTheRows, kUnits = 64, kPairs = 1;
  static constexpr int kThreads = 4 * kUnits, kBlock = kRows * kUnits;

  static __device__ int row(int /*pair*/) { return kRows == 1 ? 0 : lane(); }
  static __device__ int unit(int /*pair*/) { return static_cast<int>(threadIdx.x) / 4; }
  static __device__ bool owns() { return kRows == 4 || lane() == 0; }
  static __device__ int place(int row, int unit) { return row * kUnits + unit; }

  // weights[g][i] is what input column(i) counts for gate g of the thread's unit.
  __device__ void load(View<const float, 2> weight, Index H) {
    for (int g = 0; g < kGates; ++g)
      for (int i = 0; i < kQuarter; ++i)
        weights_[g][i] = unit(0) < H && column(i) < H ? weight.row(g * H + unit(0))[column(i)] : 0.0f;
  }
  __device__ void load_transposed(View<const float, 2> weight, Index H) {
    for (int g = 0; g < kGates; ++g)
      for (int i = 0; i < kQuarter; ++i)
        weights_[g][i] = unit(0) < H && column(i) < H ? weight.row(g * H + column(i))[unit(0)] : 0.0f;
  }

  // sums[0][g] += sum_k weight[g][unit, k] inputs[g stride + place(row, k)]
  __device__ void multiply(const float* inputs, int stride, float (&sums)[1][kGates]) const {
    float parts[kGates][kRows] = {};
    for (int i = 0; i < kQuarter; i += 4)
      for (int r = 0; r < kRows; ++r) {
        simt::Vector<float, 4> x;
        for (int g = 0; g < kGates; ++g) {
          if (g == 0 || stride != 0) x = simt::load<4>(inputs + g * stride + place(r, column(i)));
          for (int k = 0; k < 4; ++k) parts[g][r] += weights_[g][i + k] * x[k];
        }
      }
    for (int g = 0; g < kGates; ++g) sums[0][g] += quad_sum(parts[g]);
  }

 private:
  static constexpr int kQuarter = kUnits / 4;

  static __device__ int lane() { return quad_lane(); }
  // A lane's columns come four at a time, the quad's side by side: one wide access of a row by all four.
  static __device__ int column(int i) { return i / 4 * 16 + 4 * lane() + i % 4; }

  float weights_[kGates][kQuarter];
};

}  // namespace polonaise::kernels::recurrent
