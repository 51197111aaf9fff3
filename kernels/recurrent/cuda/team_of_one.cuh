#pragma once

// A team of one block (sequence.cuh): what it passes on stays in its shared memory, with one barrier a
// step. Several layers may go as a wavefront (wavefront.cuh).
//
// A BlockProduct says how the block is made and multiplies: kRows and kUnits (the tile, units beyond H being idle),
// kThreads, kPairs, Element (what it multiplies), and kBlock (elements of one matrix [kRows, kUnits] in shared memory),
// place() in it, and row(), unit() and owns() of a thread's pairs. load() or load_transposed() takes the weights up,
// and multiply() adds the products of a thread's own pairs to its sums, gate by gate.

#include <concepts>

#include "kernels/cuda/host/api.h"
#include "kernels/recurrent/cuda/units.cuh"
#include "kernels/recurrent/cuda/wavefront.cuh"

namespace polonaise::kernels::recurrent {

template <class Product>
concept BlockProduct = requires(Product product, const Product& loaded, View<const typename Product::Element, 2> weight,
                                Index H, int i, const typename Product::Element* inputs,
                                float (&sums)[Product::kPairs][Product::kGates]) {
  requires Product::kRows >
  0 && Product::kUnits > 0 && Product::kThreads > 0 && Product::kBlock > 0;
  { Product::place(i, i) } -> std::same_as<int>;
  { Product::row(i) } -> std::same_as<int>;
  { Product::unit(i) } -> std::same_as<int>;
  { Product::owns() } -> std::same_as<bool>;
  product.load(weight, H);
  product.load_transposed(weight, H);
  loaded.multiply(inputs, i, sums);
};

// kParts: how many matrices [kRows, kUnits] a step passes on, the states or each gate's gradients.
template <BlockProduct Product, int kParts>
class OneBlock {
 public:
  using Element = typename Product::Element;
  using Arguments = Wavefront;
  static constexpr int kThreads = Product::kThreads, kPairs = Product::kPairs, kUnits = Product::kUnits;
  static constexpr int kRows = Product::kRows, kGates = Product::kGates;
  static constexpr bool kInWavefronts = true;

  __device__ OneBlock(const Arguments& wavefront, int /*H*/) : wavefront_(wavefront) {
    SHARED(Element, memory, [2 * kSlot]);
    memory_ = memory;
  }

  static __device__ int cell(const Arguments& wavefront) { return wavefront.cell(); }
  static __device__ bool reverse(const Arguments& wavefront) { return wavefront.flags == nullptr && blockIdx.y == 1; }
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

  __device__ void await(int step) const { wavefront_.await(step); }
  __device__ void show(int step) const { wavefront_.show(step); }
  __device__ void show_all(int steps) const { wavefront_.show_all(steps); }

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

  Wavefront wavefront_;
  Product product_;
  Element* memory_;
  int next_ = 0;  // which of the two slots put() fills
};

// How many blocks have a tile of rows: the directions, or the chain of a wavefront.
template <class T>
Index blocks_of_tile(const RecurrentLoop<T>& loop) {
  return loop.layer_count > 1 ? 2 * loop.layer_count - 1 : loop.direction_count;
}

template <class Product, class T>
Launch over_rows(const RecurrentLoop<T>& loop) {
  return {.grid = {ceil_div(loop.B, Index{Product::kRows}), blocks_of_tile(loop)},
          .block = {Product::kThreads},
          .cooperative = loop.layer_count > 1};
}

// Whether all blocks of a wavefront are resident together, and have room for their flags.
inline bool is_resident(const Launch& shape, Index resident) {
  const Index blocks = shape.grid.x * shape.grid.y;
  return blocks <= resident && static_cast<std::size_t>(blocks) * sizeof(unsigned) <= Cuda::kScratchBytes;
}

template <class Product, class T>
void launch_over_rows(Cuda& cuda, const char* name, const RecurrentLoop<T>& loop,
                      void (*kernel)(RecurrentLoop<T>, Wavefront)) {
  const Launch shape = over_rows<Product>(loop);
  Wavefront wavefront;
  if (loop.layer_count > 1) {
    wavefront.flags = static_cast<unsigned*>(cuda.scratch());
    cuda.make_current();
    fill(cuda.stream(), wavefront.flags, 0, static_cast<std::size_t>(shape.grid.x * shape.grid.y) * sizeof(unsigned));
  }
  launch(cuda, name, shape, kernel, loop, wavefront);
}

}  // namespace polonaise::kernels::recurrent
