#pragma once

#include <cstdint>

#include "kernels/device.h"
#include "kernels/sparse.h"
#include "kernels/view.h"

namespace polonaise::kernels {

// Rows of a table chosen by token, and weighted sums of rows chosen by a sparse vector. Cpu: T = float; Cuda: float and
// bf16, added in float. Gradients of parameters are float whatever T is: the optimizer's masters are.
//
// The Cpu refuses ids and entries outside the table. Cuda, which does not wait to look at them, makes the rows of y
// that they belong to NaN, so that a loss shows them, and adds them nowhere.

//   y[r,:] = table[ids[r],:] + positions[r % T,:]
// ids [R], 0 <= id < V, or -1 for padding, whose row is 0 (no position added). table [V,D]; positions [T,D] or empty
// (nothing added), R a multiple of T; y [R,D].
template <class T>
void embedding_forward(Cpu&, View<const std::int32_t, 1> ids, View<const T, 2> table, View<const T, 2> positions,
                       View<T, 2> y);
template <class T>
void embedding_forward(Cuda&, View<const std::int32_t, 1> ids, View<const T, 2> table, View<const T, 2> positions,
                       View<T, 2> y);

//   dtable[v,:] += sum of dy[r,:] over r with ids[r] = v;   dpositions[t,:] += sum of dy[r,:] over r % T = t
// The order of addition depends on R and ids alone, so the sum repeats bit for bit. Either gradient may be empty;
// padding rows give none.
template <class T>
void embedding_backward(Cpu&, View<const std::int32_t, 1> ids, View<const T, 2> dy, View<float, 2> dtable,
                        View<float, 2> dpositions);
template <class T>
void embedding_backward(Cuda&, View<const std::int32_t, 1> ids, View<const T, 2> dy, View<float, 2> dtable,
                        View<float, 2> dpositions);

//   y[r,:] = bias + positions[r % T,:] + sum_e value_e table[column_e,:]   over the entries e of row r of x
// The product of a sparse [R,D] with a dense table [D,N] (a linear layer's weight, transposed): a frame of piano music
// has about 4 entries of 107. bias [N] or empty, positions [T,N] or empty, y [R,N].
template <class T>
void embedding_bag_forward(Cpu&, SparseRows x, View<const T, 2> table, View<const T, 1> bias,
                           View<const T, 2> positions, View<T, 2> y);
template <class T>
void embedding_bag_forward(Cuda&, SparseRows x, View<const T, 2> table, View<const T, 1> bias,
                           View<const T, 2> positions, View<T, 2> y);

//   dtable[column_e,:] += value_e dy[r,:];   dbias += sum_r dy[r,:];   dpositions[t,:] += sum of dy[r,:] over r % T = t
// The order of addition depends on R and x alone. Any gradient may be empty.
template <class T>
void embedding_bag_backward(Cpu&, SparseRows x, View<const T, 2> dy, View<float, 2> dtable, View<float, 1> dbias,
                            View<float, 2> dpositions);
template <class T>
void embedding_bag_backward(Cuda&, SparseRows x, View<const T, 2> dy, View<float, 2> dtable, View<float, 1> dbias,
                            View<float, 2> dpositions);

}  // namespace polonaise::kernels
