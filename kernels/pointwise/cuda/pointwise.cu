#include "kernels/pointwise/pointwise.h"

#include <algorithm>

#include "kernels/base/require.h"
#include "kernels/cuda/device/dropout.cuh"
#include "kernels/cuda/device/matrix.cuh"
#include "kernels/cuda/host/context.h"
#include "kernels/simt/simt.h"

namespace polonaise::kernels {
namespace {

using simt::from_float;
using simt::load;
using simt::store;
using simt::to_float;
using simt::Vector;

// N neighbouring elements to a thread.
template <class T, class To, int N>
__global__ void copy_elements(View<const T, 2> x, View<To, 2> y, bool accumulate) {
  const Index r = row_of_thread();
  if (r >= x.rows()) return;
  for (Index c = N * first_column(); c < x.columns(); c += N * column_step()) {
    auto values = simt::load_floats<N>(x.row(r) + c);
    if (accumulate) {
      const auto before = simt::load_floats<N>(y.row(r) + c);
      for (int k = 0; k < N; ++k) values[k] += before[k];
    }
    simt::store_floats<N>(y.row(r) + c, values);
  }
}

// A block turns a tile by way of shared memory, so that reads and writes both run along rows. A column more than the
// tile has lets a warp read down a column without meeting one bank twice.
constexpr int kTile = 32, kTileRows = 8;

template <class T>
__global__ void transpose_tile(View<const T, 2> x, View<T, 2> y, bool accumulate) {
  SHARED(T, tile, [kTile][kTile + 1]);
  const Index first_row = static_cast<Index>(blockIdx.x) * kTile, first_column = static_cast<Index>(blockIdx.y) * kTile;
  for (int i = static_cast<int>(threadIdx.y); i < kTile; i += kTileRows) {
    const Index r = first_row + i, c = first_column + threadIdx.x;
    if (r < x.rows() && c < x.columns()) tile[i][threadIdx.x] = x.row(r)[c];
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.y); i < kTile; i += kTileRows) {
    const Index r = first_row + threadIdx.x, c = first_column + i;
    if (r >= x.rows() || c >= x.columns()) continue;
    const T value = tile[threadIdx.x][i];
    T& place = y.row(c)[r];
    place = accumulate ? from_float<T>(to_float(place) + to_float(value)) : value;
  }
}

// A thread takes what one block of four random words decides: with kAligned four neighbours by one access, otherwise
// those of the four that belong to the row.
template <class T, bool kAligned>
__global__ void drop_elements(Dropout<T> f, Keep keep) {
  const Index P = f.x.extent(0), R = f.x.extent(1), D = f.x.columns(), r = row_of_thread();
  if (r >= R) return;
  const bool accumulate = f.accumulate == Accumulate::yes;
  const RandomStream stream = at_this_step(f.stream);
  for (Index p = blockIdx.z; p < P; p += gridDim.z) {
    const T* const from = f.x.row(p * R + r);
    T* const to = f.y.row(p * R + r);
    const Index first = p * D, skip = first % 4;
    for (Index group = first_column(); 4 * group < skip + D; group += column_step()) {
      const Philox4 words = random_words(stream, static_cast<std::uint32_t>(f.first_row + r),
                                         static_cast<std::uint32_t>(first / 4 + group));
      const Index d = 4 * group - skip;
      if constexpr (kAligned) {
        auto values = load<4>(from + d);
        for (int k = 0; k < 4; ++k) {
          float value = keep(words[k], to_float(values[k]));
          if (accumulate) value += to_float(to[d + k]);
          values[k] = from_float<T>(value);
        }
        store(to + d, values);
      } else {
        for (int k = 0; k < 4; ++k) {
          if (d + k < 0 || d + k >= D) continue;
          float value = keep(words[k], to_float(from[d + k]));
          if (accumulate) value += to_float(to[d + k]);
          to[d + k] = from_float<T>(value);
        }
      }
    }
  }
}

// Whether rows of four neighbours each begin where one access may read them.
template <class T>
bool in_fours(View<T, 3> x) {
  return x.columns() % 4 == 0 && x.stride() % 4 == 0 &&
         reinterpret_cast<std::uintptr_t>(x.data()) % (4 * sizeof(T)) == 0;
}

}  // namespace

template <class T, class To>
void copy(Cuda& cuda, View<const T, 2> x, View<To, 2> y, Accumulate accumulate) {
  require(same_shape(x, y), "x and y must have one shape");
  if (x.contiguous() && y.contiguous()) {
    x = View<const T, 2>(x.data(), {1, x.size()});
    y = View<To, 2>(y.data(), {1, y.size()});
  }
  constexpr int N = std::min(simt::kWide<T>, simt::kWide<To>);
  const bool wide = simt::is_wide(x) && simt::is_wide(y);
  launch(cuda, "copy", over_matrix(x.rows(), wide ? x.columns() / N : x.columns()),
         wide ? copy_elements<T, To, N> : copy_elements<T, To, 1>, x, y, accumulate == Accumulate::yes);
}

template <class T>
void transpose(Cuda& cuda, View<const T, 2> x, View<T, 2> y, Accumulate accumulate) {
  require(x.rows() == y.columns() && x.columns() == y.rows(), "y must have x's shape transposed");
  launch(cuda, "transpose",
         {.grid = {ceil_div(x.rows(), kTile), ceil_div(x.columns(), kTile)}, .block = {kTile, kTileRows}},
         transpose_tile<T>, x, y, accumulate == Accumulate::yes);
}

template <class T>
void dropout(Cuda& cuda, const Dropout<T>& f) {
  f.check();
  const Index D = f.x.columns();
  const bool aligned = in_fours(f.x) && in_fours(f.y);
  Launch shape = over_matrix(f.x.extent(1), D % 4 == 0 ? D / 4 : ceil_div(D + 3, 4));
  shape.grid.z = std::min(f.x.extent(0), kMaxGridYZ);
  launch(cuda, "dropout", shape, aligned ? drop_elements<T, true> : drop_elements<T, false>, f, keep_of(f.p));
}

template void copy(Cuda&, View<const float, 2>, View<float, 2>, Accumulate);
template void copy(Cuda&, View<const bf16, 2>, View<bf16, 2>, Accumulate);
template void copy(Cuda&, View<const float, 2>, View<bf16, 2>, Accumulate);
template void copy(Cuda&, View<const bf16, 2>, View<float, 2>, Accumulate);
template void transpose(Cuda&, View<const float, 2>, View<float, 2>, Accumulate);
template void transpose(Cuda&, View<const bf16, 2>, View<bf16, 2>, Accumulate);
template void dropout(Cuda&, const Dropout<float>&);
template void dropout(Cuda&, const Dropout<bf16>&);

}  // namespace polonaise::kernels
