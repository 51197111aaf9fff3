#pragma once

#include "kernels/base/view.h"
#include "kernels/cuda/host/context.h"

namespace polonaise::kernels {

// sums[c] += x[0,c] + ... + x[rows-1,c], in float: the gradient of a bias. The order of addition is fixed by x's shape.
// T = float or bf16. Takes the device's scratch.
template <class T>
void add_column_sums(Cuda&, View<const T, 2> x, View<float, 1> sums);

}  // namespace polonaise::kernels
