#pragma once

#include <algorithm>
#include <bit>

#include "kernels/cuda/host/launch.h"
#include "kernels/simt/language.h"

// Element-wise kernels over the rows of a matrix. A block is as wide as a row needs, up to kMatrixThreads, and takes
// several rows where they are short, so that no thread divides to find its place:
//
//   const Index r = row_of_thread();
//   if (r >= rows) return;
//   for (Index c = first_column(); c < columns; c += column_step()) ...

namespace polonaise::kernels {

inline constexpr Index kMatrixThreads = 256;
inline constexpr Index kMaxGridYZ = 65535;  // blocks along y or z

// `columns` counts what one thread takes at a time: elements, or vectors of them.
inline Launch over_matrix(Index rows, Index columns) {
  const auto needed = static_cast<Index>(std::bit_ceil(static_cast<std::size_t>(std::max<Index>(columns, 1))));
  const Index width = std::min(needed, kMatrixThreads), height = kMatrixThreads / width;
  return {.grid = {ceil_div(rows, height), std::min(ceil_div(columns, width), kMaxGridYZ)}, .block = {width, height}};
}

__device__ inline Index row_of_thread() {
  return static_cast<Index>(blockIdx.x) * blockDim.y + threadIdx.y;
}
__device__ inline Index first_column() {
  return static_cast<Index>(blockIdx.y) * blockDim.x + threadIdx.x;
}
__device__ inline Index column_step() {
  return static_cast<Index>(gridDim.y) * blockDim.x;
}

}  // namespace polonaise::kernels
