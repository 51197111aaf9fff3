#pragma once

// The choice of a layer's kernels: those that keep the recurrent weights on chip where they fit, in one block or in
// several, else one launch a step.

#include "kernels/recurrent/cuda/cells.cuh"
#include "kernels/recurrent/cuda/product_mma.cuh"
#include "kernels/recurrent/cuda/product_quads.cuh"
#include "kernels/recurrent/cuda/sequence.cuh"
#include "kernels/recurrent/cuda/sm90/cluster.h"
#include "kernels/recurrent/cuda/stepwise.cuh"
#include "kernels/recurrent/cuda/team_of_many.cuh"
#include "kernels/recurrent/cuda/team_of_one.cuh"

namespace polonaise::kernels {
namespace recurrent {

// Calls use.template operator()<Product>() with the product for the layer; false where none has room for its weights.
template <class Cell, class T, class Use>
bool with_product(const Cuda& cuda, const RecurrentLoop<T>& loop, Use&& use) {
  if constexpr (std::is_same_v<T, float>) {
    if (loop.H > 64) return false;
    if (loop.B * blocks_of_tile(loop) <= cuda.properties().multiprocessors)
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

// Teams of up to 128 blocks, with eight units a block: H up to 1024.
template <class T, int kGates>
struct GridTeams {
  using Forward = ManyBlocks<QuadSlices<kGates, 1, 32, 8>, ThroughMemory<float>>;
  using Backward = ManyBlocks<LaneSlices<kGates, 1, 32, 1024>, ThroughMemory<float>>;
};
template <int kGates>
struct GridTeams<bf16, kGates> {
  using Forward = ManyBlocks<MmaSlices<kGates, 1, 32, 4, false>, ThroughMemory<bf16>>;
  using Backward = ManyBlocks<MmaSlices<kGates, 1, 32, 4, true>, ThroughMemory<bf16>>;
};

// How many of `layers` layers a wavefront may have, or 1. resident.template operator()<Product>(shape) says how many
// blocks of the product's kernel are resident together.
template <class Cell, class T, class Resident>
Index layers_of_wavefront(const Cuda& cuda, RecurrentLoop<T> loop, Index layers, Resident&& resident) {
  const RecurrentKernels asked = cuda.recurrent_kernels();
  if (asked != RecurrentKernels::fastest && asked != RecurrentKernels::wavefront) return 1;
  // A row of the batch has 2^32 random numbers.
  if (loop.direction_count > 1 || loop.steps == 1 || loop.steps * loop.H > Index{1} << 32) return 1;
  bool fits = false;
  const auto find_room = [&]<class Product>() {
    const Launch shape = over_rows<Product>(loop);
    fits = is_resident(shape, resident.template operator()<Product>(shape));
  };
  for (Index count = std::min(layers, RecurrentLoop<T>::kMostLayers); count > 1; --count) {
    loop.layer_count = count;
    if (with_product<Cell, T>(cuda, loop, find_room) && fits) return count;
  }
  return 1;
}

// Tries the kinds of kernels from the fastest on, or the one that was asked for; each says whether it had room. A
// single step keeps nothing on chip for a next one.
template <class T, class Block, class Cluster, class Grid, class Stepwise>
void run_layer(const Cuda& cuda, const RecurrentLoop<T>& loop, Block&& block, Cluster&& cluster, Grid&& grid,
               Stepwise&& stepwise) {
  const RecurrentKernels asked = loop.steps == 1 ? RecurrentKernels::stepwise : cuda.recurrent_kernels();
  const auto may = [=](RecurrentKernels kind) { return asked == kind || asked == RecurrentKernels::fastest; };
  if ((may(RecurrentKernels::block) || asked == RecurrentKernels::wavefront) && block()) return;
  if (may(RecurrentKernels::cluster) && cluster()) return;
  if (may(RecurrentKernels::grid) && grid()) return;
  require(may(RecurrentKernels::stepwise), "the recurrent kernels that were asked for have no room for the layer");
  stepwise();
}

template <class Cell, class T>
void forward_layer(Cuda& cuda, const RecurrentLoop<T>& loop) {
  const auto of_one_block = [&]<class Product>() {
    launch_over_rows<Product>(cuda, Cell::kForward, loop, forward_sequence<Cell, OneBlock<Product, 1>, T>);
  };
  using Team = typename GridTeams<T, Cell::kGates>::Forward;
  run_layer(
      cuda, loop, [&] { return with_product<Cell, T>(cuda, loop, of_one_block); },
      [&] { return forward_on_cluster<Cell, T>(cuda, loop); },
      [&] { return launch_teams<Team>(cuda, Cell::kForward, loop, forward_sequence<Cell, Team, T>); },
      [&] { forward_stepwise<Cell, T>(cuda, loop); });
}

template <class Cell, class T>
void backward_layer(Cuda& cuda, const RecurrentLoop<T>& loop) {
  const auto of_one_block = [&]<class Product>() {
    launch_over_rows<Product>(cuda, Cell::kBackward, loop, backward_sequence<Cell, OneBlock<Product, Cell::kGates>, T>);
  };
  using Team = typename GridTeams<T, Cell::kGates>::Backward;
  run_layer(
      cuda, loop, [&] { return with_product<Cell, T>(cuda, loop, of_one_block); },
      [&] { return backward_on_cluster<Cell, T>(cuda, loop); },
      [&] { return launch_teams<Team>(cuda, Cell::kBackward, loop, backward_sequence<Cell, Team, T>); },
      [&] { backward_stepwise<Cell, T>(cuda, loop); });
}

template <class Cell, class T>
Index layers_of_forward(const Cuda& cuda, RecurrentLoop<T> loop, Index layers) {
  return layers_of_wavefront<Cell>(cuda, loop, layers, [&]<class Product>(const Launch& shape) {
    return resident_blocks(cuda, shape, forward_sequence<Cell, OneBlock<Product, 1>, T>);
  });
}

template <class Cell, class T>
Index layers_of_backward(const Cuda& cuda, RecurrentLoop<T> loop, Index layers) {
  return layers_of_wavefront<Cell>(cuda, loop, layers, [&]<class Product>(const Launch& shape) {
    return resident_blocks(cuda, shape, backward_sequence<Cell, OneBlock<Product, Cell::kGates>, T>);
  });
}

}  // namespace recurrent

template <class Cell, class T>
const CellKernels<T>& cell_kernels() {
  using namespace recurrent;
  static constexpr CellKernels<T> kernels{.name = Cell::kBackward,
                                          .forward = forward_layer<Cell, T>,
                                          .backward = backward_layer<Cell, T>,
                                          .layers_of_forward = layers_of_forward<Cell, T>,
                                          .layers_of_backward = layers_of_backward<Cell, T>};
  return kernels;
}

}  // namespace polonaise::kernels
