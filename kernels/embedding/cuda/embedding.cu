#include "kernels/embedding/embedding.h"

#include <limits>

#include "kernels/cuda/device/column_sums.h"
#include "kernels/cuda/device/gather.cuh"
#include "kernels/cuda/device/matrix.cuh"
#include "kernels/cuda/device/sparse.cuh"
#include "kernels/simt/simt.h"

namespace polonaise::kernels {
namespace {

using simt::Floats;
using simt::load_floats;
using simt::store_floats;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <int N>
__device__ Floats<N> all_of(float value) {
  Floats<N> floats;
  for (int k = 0; k < N; ++k) floats[k] = value;
  return floats;
}

// sums += weight x, N elements from `x` on.
template <int N, class T>
__device__ void add(Floats<N>& sums, float weight, const T* x) {
  const auto values = load_floats<N>(x);
  for (int k = 0; k < N; ++k) sums[k] += weight * values[k];
}

// The row of the positions that row r adds, or null.
template <class T>
__device__ const T* position_row(const View<const T, 2>& positions, Index r) {
  return positions.empty() ? nullptr : positions.row(r % positions.rows());
}

template <class T, int N>
__global__ void gather_rows(EmbeddingForward<T> f) {
  const Index r = row_of_thread();
  if (r >= f.y.rows()) return;
  const Index id = f.ids.data()[r];
  const bool is_row = id >= 0 && id < f.table.rows();
  const T* const position = position_row(f.positions, r);
  for (Index c = N * first_column(); c < f.y.columns(); c += N * column_step()) {
    auto sums = all_of<N>(is_row || id == -1 ? 0 : kNan);
    if (is_row) add(sums, 1, f.table.row(id) + c);
    if (is_row && position != nullptr) add(sums, 1, position + c);
    store_floats(f.y.row(r) + c, sums);
  }
}

template <class T, int N>
__global__ void sum_entries(EmbeddingBagForward<T> f) {
  const Index r = row_of_thread();
  if (r >= f.y.rows()) return;
  const Entries entries(f.x, r);
  const T* const position = position_row(f.positions, r);
  for (Index c = N * first_column(); c < f.y.columns(); c += N * column_step()) {
    auto sums = all_of<N>(entries.well_formed ? 0 : kNan);
    if (!f.bias.empty()) add(sums, 1, f.bias.data() + c);
    if (position != nullptr) add(sums, 1, position + c);
    for (Index e = entries.begin; e < entries.end; ++e) {
      const Index column = f.x.columns.data()[e];
      if (column >= 0 && column < f.table.rows())
        add(sums, value_of(f.x, e), f.table.row(column) + c);
      else
        sums = all_of<N>(kNan);
    }
    store_floats(f.y.row(r) + c, sums);
  }
}

// Backward turns the question around: which rows of dy does row v of the table receive, and how often? Blocks ask for
// one v each, so that nobody else adds to its row, in an order that the rows fix. Each reads all ids, or entries,
// again: vocabularies of music are small.
struct TokenRows {
  const std::int32_t* ids;

  __device__ bool find(Index r, Index v, float& weight) const {
    weight = 1;
    return ids[r] == v;
  }
};

struct BagRows {
  SparseRows x;

  __device__ bool find(Index r, Index v, float& weight) const {
    const Entries entries(x, r);
    bool found = false;
    weight = 0;
    for (Index e = entries.begin; e < entries.end; ++e) {
      if (x.columns.data()[e] != v) continue;
      weight += value_of(x, e);
      found = true;
    }
    return found;
  }
};

// A block adds to row blockIdx.x of dtable, in 32 N columns.
template <class T, int N, class Rows>
__global__ void scatter_rows(Rows rows, View<const T, 2> dy, View<float, 2> dtable) {
  const Index v = blockIdx.x, first = static_cast<Index>(blockIdx.y) * 32 * N, column = first + threadIdx.x * N;
  const Index D = dy.columns();
  auto sums = all_of<N>(0);
  for (Index turn = threadIdx.y * 32; turn < dy.rows(); turn += kGatherWarps * 32) {
    float weight = 0;
    const bool found = turn + threadIdx.x < dy.rows() && rows.find(turn + threadIdx.x, v, weight);
    add_found_rows<N>(
        found, weight, dy, [=](int lane) { return turn + lane; }, column, column < D, sums);
  }
  add_warps<N>(sums, [&](Index c, float sum) {
    if (first + c < D) dtable.row(v)[first + c] += sum;
  });
}

template <class T, class Rows>
void scatter(Cuda& cuda, const char* op, Rows rows, View<const T, 2> dy, View<float, 2> dtable) {
  constexpr int N = simt::kWide<T>;
  const bool wide = simt::is_wide(dy);
  launch(cuda, op,
         {.grid = {dtable.rows(), ceil_div(dy.columns(), Index{32} * (wide ? N : 1))}, .block = {32, kGatherWarps}},
         wide ? scatter_rows<T, N, Rows> : scatter_rows<T, 1, Rows>, rows, dy, dtable);
}

// A thread adds up one column of a position's rows; those with a negative id are left out.
template <class T>
__global__ void add_positions(const std::int32_t* ids, View<const T, 2> dy, View<float, 2> dpositions) {
  const Index position = row_of_thread();
  if (position >= dpositions.rows()) return;
  for (Index c = first_column(); c < dy.columns(); c += column_step()) {
    float sum = 0;
    for (Index r = position; r < dy.rows(); r += dpositions.rows())
      if (ids == nullptr || ids[r] >= 0) sum += simt::to_float(dy.row(r)[c]);
    dpositions.row(position)[c] += sum;
  }
}

template <class T>
void sum_positions(Cuda& cuda, const char* op, const std::int32_t* ids, View<const T, 2> dy,
                   View<float, 2> dpositions) {
  launch(cuda, op, over_matrix(dpositions.rows(), dy.columns()), add_positions<T>, ids, dy, dpositions);
}

}  // namespace

template <class T>
void embedding_forward(Cuda& cuda, const EmbeddingForward<T>& f) {
  f.check();
  constexpr int N = simt::kWide<T>;
  const bool wide = simt::is_wide(f.table) && simt::is_wide(f.positions) && simt::is_wide(f.y);
  launch(cuda, "embedding_forward", over_matrix(f.y.rows(), wide ? f.y.columns() / N : f.y.columns()),
         wide ? gather_rows<T, N> : gather_rows<T, 1>, f);
}

template <class T>
void embedding_backward(Cuda& cuda, const EmbeddingBackward<T>& b) {
  b.check();
  const char* const op = "embedding_backward";
  if (!b.dtable.empty()) scatter(cuda, op, TokenRows{b.ids.data()}, b.dy, b.dtable);
  if (!b.dpositions.empty()) sum_positions(cuda, op, b.ids.data(), b.dy, b.dpositions);
}

template <class T>
void embedding_bag_forward(Cuda& cuda, const EmbeddingBagForward<T>& f) {
  f.check();
  constexpr int N = simt::kWide<T>;
  const bool wide = simt::is_wide(f.table) && simt::is_wide(f.bias) && simt::is_wide(f.positions) && simt::is_wide(f.y);
  launch(cuda, "embedding_bag_forward", over_matrix(f.y.rows(), wide ? f.y.columns() / N : f.y.columns()),
         wide ? sum_entries<T, N> : sum_entries<T, 1>, f);
}

template <class T>
void embedding_bag_backward(Cuda& cuda, const EmbeddingBagBackward<T>& b) {
  b.check();
  const char* const op = "embedding_bag_backward";
  if (!b.dtable.empty()) scatter(cuda, op, BagRows{b.x}, b.dy, b.dtable);
  if (!b.dpositions.empty()) sum_positions<T>(cuda, op, nullptr, b.dy, b.dpositions);
  if (!b.dbias.empty()) add_column_sums(cuda, b.dy, b.dbias);
}

template void embedding_forward(Cuda&, const EmbeddingForward<float>&);
template void embedding_forward(Cuda&, const EmbeddingForward<bf16>&);
template void embedding_backward(Cuda&, const EmbeddingBackward<float>&);
template void embedding_backward(Cuda&, const EmbeddingBackward<bf16>&);
template void embedding_bag_forward(Cuda&, const EmbeddingBagForward<float>&);
template void embedding_bag_forward(Cuda&, const EmbeddingBagForward<bf16>&);
template void embedding_bag_backward(Cuda&, const EmbeddingBagBackward<float>&);
template void embedding_bag_backward(Cuda&, const EmbeddingBagBackward<bf16>&);

}  // namespace polonaise::kernels
