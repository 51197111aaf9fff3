#pragma once

#include "kernels/base/bf16.h"
#include "kernels/cuda/device/dropout.cuh"
#include "kernels/cuda/host/context.h"
#include "kernels/recurrent/layout.h"

namespace polonaise::kernels {

// The arguments of a cell's kernels for one layer in one direction. Rows of matrices over all steps are (t, b)
// flattened.
template <class T>
struct CellSequence {
  Index layer = 0;  // of the stack
  View<const T, 2> weight_hh = {};
  const T* bias_ih = nullptr;
  const T* bias_hh = nullptr;
  View<const T, 2> h0 = {}, c0 = {};  // [B,H] and [B,S*H], or empty
  // [T*B, G*H] the input's share of the pre-activations; may be gates's own memory. Empty in a single step above the
  // first layer: there the kernel makes it, as weight_ih x.
  View<const T, 2> product = {};
  View<const T, 2> weight_ih = {};  // above the first layer
  View<T, 2> x = {};                // [T*B, directions*H], above the first layer: y of the one below after dropout
  View<T, 2> gates = {};            // [T*B, slots*H] kept for backward; empty: nothing is kept
  View<T, 2> c = {};                // [T*B, S*H]
  View<T, 2> y = {};                // [T*B, H]
  View<T, 2> hn = {}, cn = {};      // [B,H] and [B,S*H], or empty

  // Backward's.
  View<const T, 2> dy = {};   // [T*B, H] or empty
  View<const T, 2> dhn = {};  // [B,H] or empty
  View<T, 2> dgates = {};     // [T*B, G*H], of the input's share; may be gates's own memory
  View<T, 2> dinput = {};     // [T*B, G*H] that dgates are added to besides, or empty
  View<T, 2> dx = {};         // [T*B, directions*H], above the first layer: dy of the one below
  float* dh = nullptr;        // [B,H], carried from step to step
  float* dc = nullptr;        // [B,S*H]
};

// Dropout between the layers of a wavefront, as kernels/pointwise/pointwise.h has it.
struct LayerDropout {
  RandomStream stream;  // of layer 0 of the stack, as RecurrentDropout's
  Index first_row = 0;
  Keep keep;  // all where there is none
};

// The work of one launch over all steps: a layer in one or both directions, or several layers of one direction as a
// wavefront (wavefront.cuh).
template <class T>
struct RecurrentLoop {
  static constexpr Index kMostLayers = 4;  // a launch's arguments have 4 KiB

  Index steps = 0, B = 0, H = 0;
  const std::int32_t* lengths = nullptr;  // [B] or null
  Index direction_count = 1, layer_count = 1;
  // The directions of a layer; or the layers, in the order in which they are worked on: in backward the top one first.
  CellSequence<T> cells[kMostLayers] = {};
  LayerDropout dropout = {};
};
static_assert(sizeof(RecurrentLoop<float>) + 256 <= 4096);

// The kernels of one cell (units.cuh).
template <class T>
struct CellKernels {
  const char* name;  // of what backward launches besides
  void (*forward)(Cuda&, const RecurrentLoop<T>&);
  void (*backward)(Cuda&, const RecurrentLoop<T>&);
  // How many of `layers` such layers a launch takes: those of a wavefront, or 1.
  Index (*layers_of_forward)(const Cuda&, RecurrentLoop<T>, Index layers);
  Index (*layers_of_backward)(const Cuda&, RecurrentLoop<T>, Index layers);
};
// Cell is one of cells.cuh; defined by choose.cuh, instantiated in CELL.cu.
template <class Cell, class T>
const CellKernels<T>& cell_kernels();

// The part of a recurrent stack that is the same for every cell: layers, directions, and the products over all steps
// at once. The card's kernels read weights as they are: nothing is packed.
template <class T>
class CudaRecurrentStack {
 public:
  explicit CudaRecurrentStack(const RecurrentShape&);

  Index packed_size() const { return 0; }
  Index saved_size(float dropout) const { return layout_.saved_size(dropout); }
  // Elements: dh and dc of each direction, which are float whatever T is; then the gradient of the layer below.
  Index scratch_size() const { return gradient_offset() + layout_.outputs(); }

  void pack(std::span<const RecurrentLayer<const T>> weights, View<float, 1> packed) const;
  void forward(Cuda&, const RecurrentForward<T>&) const;
  void backward(Cuda&, const RecurrentBackward<T>&) const;
  void step(Cuda&, const RecurrentStep<T>&) const;

 private:
  Index carried() const { return (1 + s_.states()) * layout_.states(); }  // floats of one direction
  Index gradient_offset() const { return s_.directions * carried() * Index{sizeof(float) / sizeof(bf16)}; }
  template <class Arguments>
  RecurrentLoop<T> loop(const Arguments&) const;
  template <class Arguments>
  CellSequence<T> cell(Index layer, Index direction, const Arguments&) const;
  CellSequence<T> forward_cell(Index layer, Index direction, const RecurrentForward<T>&) const;
  CellSequence<T> backward_cell(Index layer, Index direction, const RecurrentBackward<T>&) const;
  View<T, 2> gradient_below(const RecurrentBackward<T>&) const;  // [T*B, directions*H], in scratch
  Index layers_at_once(const Cuda&, const RecurrentLoop<T>&,
                       Index (*layers_of)(const Cuda&, RecurrentLoop<T>, Index layers)) const;
  void weight_gradients(Cuda&, Index direction, const CellSequence<T>&, const RecurrentBackward<T>&) const;
  void bias_gradients(Cuda&, const CellSequence<T>* directions, const RecurrentBackward<T>&) const;

  const CellKernels<T>& cell_;
  RecurrentLayout layout_;
  RecurrentShape s_;
};

}  // namespace polonaise::kernels
