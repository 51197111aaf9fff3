#pragma once

// Sums over the rows of matrices, column by column, in two launches of a fixed order: a block adds 32 columns of a
// chunk of rows, then a thread adds the chunks of a column. How many chunks there are follows from the shape alone.
//
// A Terms is a plain struct that says what is added and where the sums go. Stacks are matrices of one shape, each with
// sums of its own:
//   kSums                             sums of each column
//   rows(), columns()                 of each stack
//   of(stack, row, column, terms)     writes the row's term of each sum
//   add(stack, column, sums)          takes the sums

#include <algorithm>
#include <concepts>

#include "kernels/base/require.h"
#include "kernels/cuda/host/context.h"
#include "kernels/cuda/host/launch.h"
#include "kernels/simt/simt.h"

namespace polonaise::kernels::column_sums {

template <class Terms>
concept ColumnTerms = requires(const Terms& terms, Index i, float (&sums)[Terms::kSums]) {
  { terms.rows() } -> std::convertible_to<Index>;
  { terms.columns() } -> std::convertible_to<Index>;
  terms.of(i, i, i, sums);
  terms.add(i, i, sums);
};

inline constexpr Index kLanes = 32, kChunkRows = 64, kMostChunks = 128;
inline constexpr int kRowThreads = 8;  // of a block, along y: each takes every eighth row

// Returns the rows of a chunk where each chunk leaves `floats` elements in the device's scratch memory.
inline Index chunk_rows(Index rows, Index floats) {
  const Index room = static_cast<Index>(Cuda::kScratchBytes / sizeof(float)) / floats;
  require(room >= 1, "rows are too long for the scratch memory of reductions");
  return std::max(kChunkRows, ceil_div(rows, std::min(kMostChunks, room)));
}

// partials [stacks, chunks, kSums, columns]
template <ColumnTerms Terms>
__global__ void sum_chunks(Terms terms, Index chunk_rows, float* partials) {
  constexpr int kSums = Terms::kSums;
  SHARED(float, of_threads, [kSums][kRowThreads][kLanes]);
  const Index columns = terms.columns(), column = static_cast<Index>(blockIdx.x) * kLanes + threadIdx.x;
  const Index begin = static_cast<Index>(blockIdx.y) * chunk_rows, end = std::min(begin + chunk_rows, terms.rows());
  float sums[kSums] = {};
  if (column < columns)
    for (Index r = begin + threadIdx.y; r < end; r += kRowThreads) {
      float of_row[kSums];
      terms.of(blockIdx.z, r, column, of_row);
      for (int i = 0; i < kSums; ++i) sums[i] += of_row[i];
    }
  for (int i = 0; i < kSums; ++i) of_threads[i][threadIdx.y][threadIdx.x] = sums[i];
  __syncthreads();
  if (threadIdx.y != 0 || column >= columns) return;
  float* const of_chunk = partials + (static_cast<Index>(blockIdx.z) * gridDim.y + blockIdx.y) * kSums * columns;
  for (int i = 0; i < kSums; ++i) {
    for (int y = 1; y < kRowThreads; ++y) sums[i] += of_threads[i][y][threadIdx.x];
    of_chunk[i * columns + column] = sums[i];
  }
}

// A thread owns a column.
template <ColumnTerms Terms>
__global__ void add_chunks(Terms terms, Index chunks, const float* partials) {
  constexpr int kSums = Terms::kSums;
  const Index columns = terms.columns(), column = static_cast<Index>(blockIdx.x) * kLanes + threadIdx.x;
  if (column >= columns) return;
  float sums[kSums] = {};
  for (Index chunk = 0; chunk < chunks; ++chunk)
    for (int i = 0; i < kSums; ++i)
      sums[i] += partials[((static_cast<Index>(blockIdx.z) * chunks + chunk) * kSums + i) * columns + column];
  terms.add(blockIdx.z, column, sums);
}

// `name` is the launches'. Takes the device's scratch.
template <ColumnTerms Terms>
void add(Cuda& cuda, const char* name, const Terms& terms, Index stacks = 1) {
  const Index rows = terms.rows(), columns = terms.columns();
  if (rows == 0 || columns == 0) return;
  const Index of_chunk = chunk_rows(rows, stacks * Terms::kSums * columns), chunks = ceil_div(rows, of_chunk);
  auto* const partials = static_cast<float*>(cuda.scratch());
  launch(cuda, name, {.grid = {ceil_div(columns, kLanes), chunks, stacks}, .block = {kLanes, kRowThreads}},
         sum_chunks<Terms>, terms, of_chunk, partials);
  launch(cuda, name, {.grid = {ceil_div(columns, kLanes), 1, stacks}, .block = {kLanes}}, add_chunks<Terms>, terms,
         chunks, partials);
}

}  // namespace polonaise::kernels::column_sums
