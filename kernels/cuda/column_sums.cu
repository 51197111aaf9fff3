#include "kernels/cuda/column_sums.h"

#include <algorithm>

#include "kernels/cuda/launch.h"
#include "kernels/require.h"
#include "kernels/simt/simt.h"

namespace polonaise::kernels {
namespace {

// A block takes 32 columns of a chunk of rows; its threads along y take every kRowThreads-th row, and the first of them
// adds up what they have.
constexpr Index kLanes = 32;
constexpr int kRowThreads = 8;
constexpr Index kChunkRows = 64, kMostChunks = 128;

template <class T>
__global__ void sum_chunks(View<const T, 2> x, Index chunk_rows, View<float, 2> partials) {
  SHARED(float, sums, [kRowThreads][kLanes]);
  const Index column = static_cast<Index>(blockIdx.x) * kLanes + threadIdx.x;
  const Index begin = static_cast<Index>(blockIdx.y) * chunk_rows, end = std::min(begin + chunk_rows, x.rows());
  float sum = 0;
  if (column < x.columns())
    for (Index r = begin + threadIdx.y; r < end; r += kRowThreads) sum += simt::to_float(x.row(r)[column]);
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || column >= x.columns()) return;
  for (int y = 1; y < kRowThreads; ++y) sum += sums[y][threadIdx.x];
  partials.row(blockIdx.y)[column] = sum;
}

// A thread owns a column, and adds the chunks in their order.
__global__ void add_chunks(View<const float, 2> partials, float* sums) {
  const Index column = static_cast<Index>(blockIdx.x) * kLanes + threadIdx.x;
  if (column >= partials.columns()) return;
  float sum = 0;
  for (Index chunk = 0; chunk < partials.rows(); ++chunk) sum += partials.row(chunk)[column];
  sums[column] += sum;
}

}  // namespace

template <class T>
void add_column_sums(Cuda& cuda, View<const T, 2> x, View<float, 1> sums) {
  const Index rows = x.rows(), columns = x.columns();
  require(sums.size() == columns, "there must be a sum for each column");
  if (rows == 0 || columns == 0) return;
  const Index room = static_cast<Index>(Cuda::kScratchBytes / sizeof(float)) / columns;
  require(room >= 1, "rows are too long for the scratch memory of reductions");
  const Index chunk_rows = std::max(kChunkRows, ceil_div(rows, std::min(kMostChunks, room)));
  const View<float, 2> partials(static_cast<float*>(cuda.scratch()), {ceil_div(rows, chunk_rows), columns});
  const Index blocks = ceil_div(columns, kLanes);
  launch(cuda, "column_sums", {.grid = {blocks, partials.rows()}, .block = {kLanes, kRowThreads}}, sum_chunks<T>, x,
         chunk_rows, partials);
  launch(cuda, "column_sums", {.grid = {blocks}, .block = {kLanes}}, add_chunks, partials, sums.data());
}

template void add_column_sums<float>(Cuda&, View<const float, 2>, View<float, 1>);
template void add_column_sums<bf16>(Cuda&, View<const bf16, 2>, View<float, 1>);

}  // namespace polonaise::kernels
