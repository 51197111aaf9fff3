#pragma once

// A team of one block (recurrent_persistent-inl.h): what it passes on stays in its shared memory, with one barrier a
// step.
//
// A Product says how the block is made and multiplies: kRows and kUnits (the tile, units beyond H being idle),
// kThreads, kPairs, Element (what it multiplies), and kBlock (elements of one matrix [kRows, kUnits] in shared memory),
// place() in it, and row(), unit() and owns() of a thread's pairs. load() or load_transposed() takes the weights up,
// and multiply() adds the products of a thread's own pairs to its sums, gate by gate.

#include "kernels/cuda/recurrent-inl.h"

namespace polonaise::kernels::recurrent {

// kParts: how many matrices [kRows, kUnits] a step passes on, the states or each gate's gradients.
template <class Product, int kParts>
class OneBlock {
 public:
  using Element = typename Product::Element;
  struct Arguments {};
  static constexpr int kThreads = Product::kThreads, kPairs = Product::kPairs, kUnits = Product::kUnits;

  __device__ OneBlock(const Arguments&, int /*H*/) {
    SHARED(Element, memory, [2 * kSlot]);
    memory_ = memory;
  }

  static __device__ int direction() { return static_cast<int>(blockIdx.y); }
  static __device__ int first_row() { return static_cast<int>(blockIdx.x) * Product::kRows; }
  static __device__ int rows() { return Product::kRows; }
  static __device__ int first_unit() { return 0; }
  static __device__ int row(int pair) { return Product::row(pair); }
  static __device__ int unit(int pair) { return Product::unit(pair); }
  static __device__ bool owns(int /*pair*/) { return Product::owns(); }

  template <class T>
  __device__ void load(View<const T, 2> weight, Index H) {
    product_.load(weight, H);
  }
  template <class T>
  __device__ void load_transposed(View<const T, 2> weight, Index H) {
    product_.load_transposed(weight, H);
  }

  __device__ void clear() {
    for (int i = threadIdx.x; i < 2 * kSlot; i += kThreads) memory_[i] = from_float<Element>(0.0f);
  }
  __device__ void put(int pair, int part, float value) {
    memory_[next_ * kSlot + part * Product::kBlock + Product::place(row(pair), unit(pair))] =
        from_float<Element>(value);
  }
  __device__ void pass() {
    next_ ^= 1;
    __syncthreads();
  }
  __device__ void multiply(float (&sums)[kPairs][Product::kGates]) const {
    product_.multiply(memory_ + (next_ ^ 1) * kSlot, kParts == 1 ? 0 : Product::kBlock, sums);
  }

 private:
  static constexpr int kSlot = kParts * Product::kBlock;

  Product product_;
  Element* memory_;
  int next_ = 0;  // which of the two slots put() fills
};

template <class Product, class T>
Launch over_rows(const RecurrentLoop<T>& loop) {
  return {.grid = {ceil_div(loop.B, Index{Product::kRows}), loop.direction_count}, .block = {Product::kThreads}};
}

}  // namespace polonaise::kernels::recurrent
