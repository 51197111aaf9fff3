#pragma once

// Which kernels a cell's layer takes: those that keep the recurrent weights on chip where they fit, else a launch a
// step.

#include "kernels/cuda/recurrent_mma-inl.h"
#include "kernels/cuda/recurrent_persistent-inl.h"
#include "kernels/cuda/recurrent_quads-inl.h"
#include "kernels/cuda/recurrent_stepwise-inl.h"

namespace polonaise::kernels::recurrent {

// Calls use.template operator()<Product>() with the product for the layer; false where none has room for its weights.
template <class Cell, class T, class Use>
bool with_product(const Cuda& cuda, const RecurrentLoop<T>& loop, Use&& use) {
  if (loop.steps == 1) return false;
  if constexpr (std::is_same_v<T, float>) {
    if (loop.H > 64) return false;
    if (loop.B * loop.direction_count <= cuda.properties().multiprocessors)
      use.template operator()<Quads<Cell::kGates, 1>>();
    else
      use.template operator()<Quads<Cell::kGates, 4>>();
  } else {
    if (loop.H > 128) return false;
    if (loop.H <= 64)
      use.template operator()<Tiles<Cell::kGates, 64>>();
    else
      use.template operator()<Tiles<Cell::kGates, 128>>();
  }
  return true;
}

template <class Cell, class T>
void forward_layer(Cuda& cuda, const RecurrentLoop<T>& loop) {
  const auto persistent = [&]<class Product>() {
    launch(cuda, Cell::kForward, over_rows<Product>(loop), forward_sequence<Cell, Product, T>, loop);
  };
  if (!with_product<Cell, T>(cuda, loop, persistent)) forward_stepwise<Cell, T>(cuda, loop);
}

template <class Cell, class T>
void backward_layer(Cuda& cuda, const RecurrentLoop<T>& loop) {
  const auto persistent = [&]<class Product>() {
    launch(cuda, Cell::kBackward, over_rows<Product>(loop), backward_sequence<Cell, Product, T>, loop);
  };
  if (!with_product<Cell, T>(cuda, loop, persistent)) backward_stepwise<Cell, T>(cuda, loop);
}

template <class Cell, class T>
const CellKernels<T>& cell_kernels() {
  static constexpr CellKernels<T> kernels{.gates = Cell::kGates,
                                          .slots = Cell::kSlots,
                                          .has_c = Cell::kHasC,
                                          .last_apart = Cell::kLastApart,
                                          .name = Cell::kBackward,
                                          .forward = forward_layer<Cell, T>,
                                          .backward = backward_layer<Cell, T>};
  return kernels;
}

}  // namespace polonaise::kernels::recurrent
