#pragma once

// The recurrent cells on a card, one launch a layer: a block carries a few rows of the batch through all steps, with
// the recurrent weights in its registers and the rows' states in its shared memory, one barrier a step. Rows are
// independent, so blocks never wait for each other.
//
// A Product says how a block is made and multiplies: kRows and kUnits (the tile, units beyond H being idle), kThreads,
// kPairs (pairs of a row and a unit that a thread owns, the same in every step), Element (what it multiplies), and
// kBlock (elements of one matrix [kRows, kUnits] in shared memory). load() or load_transposed() takes the weights up,
// and multiply() adds the products of a thread's own pairs to its sums, gate by gate.

#include "kernels/cuda/recurrent-inl.h"

namespace polonaise::kernels::recurrent {

// A pair's row of the batch and unit, and the row's steps; no row where the thread writes nothing for it. Ints, as
// registers are dear where weights live in them.
struct Pair {
  int row = -1, unit = 0, length = 0;
  __device__ bool owned() const { return row >= 0; }
};

// Column `column` and the pair's unit of row `first` and the pair's row. What all threads share stands in the pointer,
// what is the thread's own in an offset of 32 bits: so a step's addresses take few registers.
template <class T>
__device__ T& at(const View<T, 2>& matrix, Index first, int column, const Pair& pair) {
  T* const shared = matrix.row(first) + column;
  return shared[static_cast<unsigned>(pair.row) * static_cast<unsigned>(matrix.stride()) +
                static_cast<unsigned>(pair.unit)];
}

template <class Product, class T>
__device__ void find_pairs(const RecurrentLoop<T>& loop, Pair (&pairs)[Product::kPairs]) {
  for (int p = 0; p < Product::kPairs; ++p) {
    const int row = static_cast<int>(blockIdx.x) * Product::kRows + Product::row(p), unit = Product::unit(p);
    if (!Product::owns() || row >= loop.B || unit >= loop.H) continue;
    pairs[p] = {row, unit, loop.lengths != nullptr ? loop.lengths[row] : static_cast<int>(loop.steps)};
  }
}

// Steps of the block's longest row.
template <class Product, class T>
__device__ int longest_row(const RecurrentLoop<T>& loop) {
  if (loop.lengths == nullptr) return static_cast<int>(loop.steps);
  int longest = 0;
  const Index first = static_cast<Index>(blockIdx.x) * Product::kRows;
  for (Index row = first; row < std::min(first + Product::kRows, loop.B); ++row)
    longest = std::max(longest, loop.lengths[row]);
  return longest;
}

template <class Cell, class Product, class T>
__global__ void __launch_bounds__(Product::kThreads, 1) forward_sequence(RecurrentLoop<T> loop) {
  constexpr int kGates = Cell::kGates, kPairs = Product::kPairs;
  using Element = typename Product::Element;
  SHARED(Element, states, [2][Product::kBlock]);
  // Both biases of a gate are one number, but for the gate whose recurrent share stands apart.
  constexpr int kApart = Cell::kLastApart ? kGates - 1 : -1;
  SHARED(float, bias, [kGates][Product::kUnits]);
  SHARED(float, bias_apart, [Product::kUnits]);
  const CellSequence<T>& cell = loop.directions[blockIdx.y];
  const bool reverse = blockIdx.y == 1;
  const Index B = loop.B;
  const int H = static_cast<int>(loop.H), steps = static_cast<int>(loop.steps), longest = longest_row<Product>(loop);
  Product product;
  product.load(cell.weight_hh, H);
  Pair pairs[kPairs];
  find_pairs<Product>(loop, pairs);

  CellState state[kPairs];
  for (int i = threadIdx.x; i < 2 * Product::kBlock; i += Product::kThreads)
    states[i / Product::kBlock][i % Product::kBlock] = from_float<Element>(0.0f);
  for (int unit = threadIdx.x; unit < Product::kUnits; unit += Product::kThreads)
    for (int g = 0; g < kGates; ++g) {
      const float of_x = unit < H ? to_float(cell.bias_ih[g * H + unit]) : 0.0f;
      const float of_r = unit < H ? to_float(cell.bias_hh[g * H + unit]) : 0.0f;
      bias[g][unit] = g == kApart ? of_x : of_x + of_r;
      if (g == kApart) bias_apart[unit] = of_r;
    }
  __syncthreads();
  for (int p = 0; p < kPairs; ++p) {
    const Pair& pair = pairs[p];
    state[p] = {0, 0};
    if (!pair.owned()) continue;
    state[p] = {element(cell.h0, pair.row, pair.unit), element(cell.c0, pair.row, pair.unit)};
    states[0][Product::place(Product::row(p), Product::unit(p))] = from_float<Element>(state[p].h);
  }
  __syncthreads();

  // What a step reads is asked for one step before, so that memory answers in time.
  float ahead[kPairs][kGates] = {};
  const auto look_ahead = [&](int s) {
    const int t = reverse ? steps - 1 - s : s;
    for (int p = 0; p < kPairs; ++p)
      if (t < pairs[p].length)
        for (int g = 0; g < kGates; ++g) ahead[p][g] = to_float(at(cell.product, t * B, g * H, pairs[p]));
  };
  look_ahead(0);
  for (int s = 0; s < steps; ++s) {
    const int t = reverse ? steps - 1 - s : s;
    // The sums begin with the input's share, which needs no registers of its own then.
    float x[kPairs][kGates] = {}, r[kPairs][kGates];
    for (int p = 0; p < kPairs; ++p)
      for (int g = 0; g < kGates; ++g) {
        const float share = ahead[p][g] + bias[g][Product::unit(p)];
        if (g == kApart) x[p][g] = share;
        r[p][g] = g == kApart ? bias_apart[Product::unit(p)] : share;
      }
    if (s + 1 < steps) look_ahead(s + 1);
    if (t < longest) product.multiply(states[s % 2], 0, r);
    for (int p = 0; p < kPairs; ++p) {
      const Pair& pair = pairs[p];
      if (!pair.owned()) continue;
      float kept[std::max(1, Cell::kKept)] = {};
      CellState out{0, 0};
      if (t < pair.length) out = state[p] = Cell::forward(x[p], r[p], state[p], kept);
      states[(s + 1) % 2][Product::place(Product::row(p), Product::unit(p))] = from_float<Element>(state[p].h);
      for (int k = 0; k < Cell::kKept; ++k) at(cell.gates, t * B, k * H, pair) = from_float<T>(kept[k]);
      if constexpr (Cell::kHasC) at(cell.c, t * B, 0, pair) = from_float<T>(out.c);
      at(cell.y, t * B, 0, pair) = from_float<T>(out.h);
    }
    __syncthreads();
  }
  for (int p = 0; p < kPairs; ++p) {
    const Pair& pair = pairs[p];
    if (!pair.owned()) continue;
    if (!cell.hn.empty()) at(cell.hn, 0, 0, pair) = from_float<T>(state[p].h);
    if (Cell::kHasC && !cell.cn.empty()) at(cell.cn, 0, 0, pair) = from_float<T>(state[p].c);
  }
}

template <class Cell, class Product, class T>
__global__ void __launch_bounds__(Product::kThreads, 1) backward_sequence(RecurrentLoop<T> loop) {
  constexpr int kGates = Cell::kGates, kPairs = Product::kPairs, kKept = std::max(1, Cell::kKept);
  using Element = typename Product::Element;
  SHARED(Element, gradients, [2][kGates * Product::kBlock]);
  const CellSequence<T>& cell = loop.directions[blockIdx.y];
  const bool reverse = blockIdx.y == 1;
  const Index B = loop.B;
  const int H = static_cast<int>(loop.H), steps = static_cast<int>(loop.steps), longest = longest_row<Product>(loop);
  Product product;
  product.load_transposed(cell.weight_hh, H);
  Pair pairs[kPairs];
  find_pairs<Product>(loop, pairs);
  for (int i = threadIdx.x; i < 2 * kGates * Product::kBlock; i += Product::kThreads)
    gradients[i / (kGates * Product::kBlock)][i % (kGates * Product::kBlock)] = from_float<Element>(0.0f);
  __syncthreads();

  // States are read once: what was before a step is after the one that is next here.
  struct Ahead {
    CellState before;
    float dy, kept[kKept];
  };
  CellState carried[kPairs], after[kPairs];
  Ahead ahead[kPairs];
  const auto time = [=](int s) { return reverse ? steps - 1 - s : s; };
  const auto before = [&](const View<T, 2>& states, const View<const T, 2>& initial, int s, const Pair& pair) {
    if (s == 0) return element(initial, pair.row, pair.unit);
    return to_float(at(states, time(s - 1) * B, 0, pair));
  };
  const auto look_ahead = [&](int s) {
    for (int p = 0; p < kPairs; ++p) {
      const Pair& pair = pairs[p];
      if (!pair.owned()) continue;
      Ahead& a = ahead[p];
      const Index now = time(s) * B;
      a.before.h = before(cell.y, cell.h0, s, pair);
      if constexpr (Cell::kHasC) a.before.c = before(cell.c, cell.c0, s, pair);
      a.dy = cell.dy.empty() ? 0.0f : to_float(at(cell.dy, now, 0, pair));
      for (int k = 0; k < Cell::kKept; ++k) a.kept[k] = to_float(at(cell.gates, now, k * H, pair));
    }
  };
  for (int p = 0; p < kPairs; ++p) {
    const Pair& pair = pairs[p];
    ahead[p] = {};
    carried[p] = after[p] = {0, 0};
    if (!pair.owned()) continue;
    const Index last = time(steps - 1) * B;
    carried[p].h = element(cell.dhn, pair.row, pair.unit);
    after[p].h = to_float(at(cell.y, last, 0, pair));
    if constexpr (Cell::kHasC) after[p].c = to_float(at(cell.c, last, 0, pair));
  }
  look_ahead(steps - 1);
  for (int s = steps - 1; s >= 0; --s) {
    const int t = time(s);
    Ahead here[kPairs];
    for (int p = 0; p < kPairs; ++p) here[p] = ahead[p];
    if (s > 0) look_ahead(s - 1);
    float sums[kPairs][kGates] = {};
    if (s + 1 < steps && t < longest) product.multiply(gradients[(s + 1) % 2], Product::kBlock, sums);
    for (int p = 0; p < kPairs; ++p) {
      const Pair& pair = pairs[p];
      if (!pair.owned()) continue;
      CellGradient<kGates> d{};
      d.before = carried[p];
      if (t < pair.length) {
        float dh = carried[p].h + here[p].dy;
        for (int g = 0; g < kGates; ++g) dh += sums[p][g];
        d = Cell::backward(here[p].kept, here[p].before, after[p], dh, carried[p].c);
      }
      after[p] = here[p].before;
      carried[p] = d.before;
      const Index now = t * B;
      for (int g = 0; g < kGates; ++g) {
        const float recurrent = Cell::kLastApart && g == kGates - 1 ? d.d_last : d.dx[g];
        gradients[s % 2][g * Product::kBlock + Product::place(Product::row(p), Product::unit(p))] =
            from_float<Element>(recurrent);
        at(cell.dgates, now, g * H, pair) = from_float<T>(d.dx[g]);
        if (!cell.dinput.empty()) {
          T& sum = at(cell.dinput, now, g * H, pair);
          sum = from_float<T>(to_float(sum) + d.dx[g]);
        }
      }
      if constexpr (Cell::kLastApart) at(cell.gates, now, (Cell::kSlots - 1) * H, pair) = from_float<T>(d.d_last);
    }
    __syncthreads();
  }
}

template <class Product, class T>
Launch over_rows(const RecurrentLoop<T>& loop) {
  return {.grid = {ceil_div(loop.B, Index{Product::kRows}), loop.direction_count}, .block = {Product::kThreads}};
}

}  // namespace polonaise::kernels::recurrent
