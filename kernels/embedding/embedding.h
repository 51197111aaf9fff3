#pragma once

#include <cstdint>

#include "kernels/base/devices.h"
#include "kernels/base/sparse.h"
#include "kernels/base/view.h"

namespace polonaise::kernels {

// Lookups in a table: rows chosen by token, and weighted sums of rows chosen by a sparse vector. Cpu: T = float; Cuda:
// float and bf16, added in float. Gradients of parameters are float whatever T is: the optimizer's masters are.
//
// The Cpu refuses ids and entries outside the table. Cuda, which does not wait to look at them, makes the rows of y
// that they belong to NaN, so that a loss shows them, and adds them nowhere.

//   y[r,:] = table[ids[r],:] + positions[r % T,:]
template <class T>
struct EmbeddingForward {
  View<const std::int32_t, 1> ids;  // [R], 0 <= id < V, or -1 for padding, whose row is 0 (no position added)
  View<const T, 2> table;           // [V,D]
  View<const T, 2> positions = {};  // [T,D], R a multiple of T; or empty: nothing is added
  View<T, 2> y;                     // [R,D]

  void check() const;
};
template <class T>
void embedding_forward(Cpu&, const EmbeddingForward<T>&);
template <class T>
void embedding_forward(Cuda&, const EmbeddingForward<T>&);

//   dtable[v,:] += sum of dy[r,:] over r with ids[r] = v;   dpositions[t,:] += sum of dy[r,:] over r % T = t
// The order of addition depends on R and ids alone, so the sum repeats bit for bit. Padding rows give no gradient.
template <class T>
struct EmbeddingBackward {
  View<const std::int32_t, 1> ids;  // [R]
  View<const T, 2> dy;              // [R,D]
  View<float, 2> dtable = {};       // [V,D] or empty
  View<float, 2> dpositions = {};   // [T,D] or empty

  void check() const;
};
template <class T>
void embedding_backward(Cpu&, const EmbeddingBackward<T>&);
template <class T>
void embedding_backward(Cuda&, const EmbeddingBackward<T>&);

//   y[r,:] = bias + positions[r % T,:] + sum_e value_e table[column_e,:]   over the entries e of row r of x
// The product of a sparse matrix with a dense table (a linear layer's weight, transposed): a frame of piano music has
// about 4 entries of 107.
template <class T>
struct EmbeddingBagForward {
  SparseRows x;                     // [R,D]
  View<const T, 2> table;           // [D,N]
  View<const T, 1> bias = {};       // [N] or empty
  View<const T, 2> positions = {};  // [T,N], R a multiple of T; or empty
  View<T, 2> y;                     // [R,N]

  void check() const;
};
template <class T>
void embedding_bag_forward(Cpu&, const EmbeddingBagForward<T>&);
template <class T>
void embedding_bag_forward(Cuda&, const EmbeddingBagForward<T>&);

//   dtable[column_e,:] += value_e dy[r,:];   dbias += sum_r dy[r,:];   dpositions[t,:] += sum of dy[r,:] over r % T = t
// The order of addition depends on R and x alone.
template <class T>
struct EmbeddingBagBackward {
  SparseRows x;                    // [R,D]
  View<const T, 2> dy;             // [R,N]
  View<float, 2> dtable = {};      // [D,N] or empty
  View<float, 1> dbias = {};       // [N] or empty
  View<float, 2> dpositions = {};  // [T,N] or empty

  void check() const;
};
template <class T>
void embedding_bag_backward(Cpu&, const EmbeddingBagBackward<T>&);
template <class T>
void embedding_bag_backward(Cuda&, const EmbeddingBagBackward<T>&);

}  // namespace polonaise::kernels
