#include "kernels/embedding.h"

#include <limits>

#include "kernels/cuda/column_sums.h"
#include "kernels/cuda/gather-inl.h"
#include "kernels/cuda/matrix-inl.h"
#include "kernels/cuda/sparse-inl.h"
#include "kernels/embedding_shapes.h"
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
__global__ void gather_rows(const std::int32_t* ids, View<const T, 2> table, View<const T, 2> positions, View<T, 2> y) {
  const Index r = row_of_thread();
  if (r >= y.rows()) return;
  const Index id = ids[r];
  const bool is_row = id >= 0 && id < table.rows();
  const T* const position = position_row(positions, r);
  for (Index c = N * first_column(); c < y.columns(); c += N * column_step()) {
    auto sums = all_of<N>(is_row || id == -1 ? 0 : kNan);
    if (is_row) add(sums, 1, table.row(id) + c);
    if (is_row && position != nullptr) add(sums, 1, position + c);
    store_floats(y.row(r) + c, sums);
  }
}

template <class T, int N>
__global__ void sum_entries(SparseRows x, View<const T, 2> table, const T* bias, View<const T, 2> positions,
                            View<T, 2> y) {
  const Index r = row_of_thread();
  if (r >= y.rows()) return;
  const Entries entries(x, r);
  const T* const position = position_row(positions, r);
  for (Index c = N * first_column(); c < y.columns(); c += N * column_step()) {
    auto sums = all_of<N>(entries.well_formed ? 0 : kNan);
    if (bias != nullptr) add(sums, 1, bias + c);
    if (position != nullptr) add(sums, 1, position + c);
    for (Index e = entries.begin; e < entries.end; ++e) {
      const Index column = x.columns.data()[e];
      if (column >= 0 && column < table.rows())
        add(sums, value_of(x, e), table.row(column) + c);
      else
        sums = all_of<N>(kNan);
    }
    store_floats(y.row(r) + c, sums);
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
void embedding_forward(Cuda& cuda, View<const std::int32_t, 1> ids, View<const T, 2> table, View<const T, 2> positions,
                       View<T, 2> y) {
  require_embedding_forward(ids, table, positions, y);
  constexpr int N = simt::kWide<T>;
  const bool wide = simt::is_wide(table) && simt::is_wide(positions) && simt::is_wide(y);
  launch(cuda, "embedding_forward", over_matrix(y.rows(), wide ? y.columns() / N : y.columns()),
         wide ? gather_rows<T, N> : gather_rows<T, 1>, ids.data(), table, positions, y);
}

template <class T>
void embedding_backward(Cuda& cuda, View<const std::int32_t, 1> ids, View<const T, 2> dy, View<float, 2> dtable,
                        View<float, 2> dpositions) {
  require_embedding_backward(ids, dy, dtable, dpositions);
  const char* const op = "embedding_backward";
  if (!dtable.empty()) scatter(cuda, op, TokenRows{ids.data()}, dy, dtable);
  if (!dpositions.empty()) sum_positions(cuda, op, ids.data(), dy, dpositions);
}

template <class T>
void embedding_bag_forward(Cuda& cuda, SparseRows x, View<const T, 2> table, View<const T, 1> bias,
                           View<const T, 2> positions, View<T, 2> y) {
  require_bag_forward(x, table, bias, positions, y);
  constexpr int N = simt::kWide<T>;
  const bool wide = simt::is_wide(table) && simt::is_wide(bias) && simt::is_wide(positions) && simt::is_wide(y);
  launch(cuda, "embedding_bag_forward", over_matrix(y.rows(), wide ? y.columns() / N : y.columns()),
         wide ? sum_entries<T, N> : sum_entries<T, 1>, x, table, bias.data(), positions, y);
}

template <class T>
void embedding_bag_backward(Cuda& cuda, SparseRows x, View<const T, 2> dy, View<float, 2> dtable, View<float, 1> dbias,
                            View<float, 2> dpositions) {
  require_bag_backward(x, dy, dtable, dbias, dpositions);
  const char* const op = "embedding_bag_backward";
  if (!dtable.empty()) scatter(cuda, op, BagRows{x}, dy, dtable);
  if (!dpositions.empty()) sum_positions<T>(cuda, op, nullptr, dy, dpositions);
  if (!dbias.empty()) add_column_sums(cuda, dy, dbias);
}

#define INSTANTIATE(T)                                                                                            \
  template void embedding_forward<T>(Cuda&, View<const std::int32_t, 1>, View<const T, 2>, View<const T, 2>,      \
                                     View<T, 2>);                                                                 \
  template void embedding_backward<T>(Cuda&, View<const std::int32_t, 1>, View<const T, 2>, View<float, 2>,       \
                                      View<float, 2>);                                                            \
  template void embedding_bag_forward<T>(Cuda&, SparseRows, View<const T, 2>, View<const T, 1>, View<const T, 2>, \
                                         View<T, 2>);                                                             \
  template void embedding_bag_backward<T>(Cuda&, SparseRows, View<const T, 2>, View<float, 2>, View<float, 1>,    \
                                          View<float, 2>)
INSTANTIATE(float);
INSTANTIATE(bf16);

}  // namespace polonaise::kernels
