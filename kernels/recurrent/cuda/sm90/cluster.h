#pragma once

#include "kernels/recurrent/cuda/stack.h"

namespace polonaise::kernels::recurrent {

// A layer to 256 hidden units on thread block clusters, whose blocks pass states on through each other's shared memory;
// a Cell is one of cells.cuh. False, with nothing launched, on another card than those of compute
// capability 9.0, and where the layer has no room.
template <class Cell, class T>
bool forward_on_cluster(Cuda&, const RecurrentLoop<T>&);
template <class Cell, class T>
bool backward_on_cluster(Cuda&, const RecurrentLoop<T>&);

}  // namespace polonaise::kernels::recurrent
