#include "kernels/cuda/device/column_sums.h"

#include "kernels/cuda/device/column_sums.cuh"

namespace polonaise::kernels {
namespace {

template <class T>
struct Elements {
  static constexpr int kSums = 1;
  View<const T, 2> x;
  float* sums;

  constexpr Index rows() const { return x.rows(); }
  constexpr Index columns() const { return x.columns(); }
  __device__ void of(Index /*stack*/, Index row, Index column, float (&terms)[1]) const {
    terms[0] = simt::to_float(x.row(row)[column]);
  }
  __device__ void add(Index /*stack*/, Index column, const float (&sum)[1]) const { sums[column] += sum[0]; }
};

}  // namespace

template <class T>
void add_column_sums(Cuda& cuda, View<const T, 2> x, View<float, 1> sums) {
  require(sums.size() == x.columns(), "there must be a sum for each column");
  column_sums::add(cuda, "column_sums", Elements<T>{x, sums.data()});
}

template void add_column_sums<float>(Cuda&, View<const float, 2>, View<float, 1>);
template void add_column_sums<bf16>(Cuda&, View<const bf16, 2>, View<float, 1>);

}  // namespace polonaise::kernels
