#include "kernels/position/position.h"

#include <cmath>

#include "kernels/base/require.h"
#include "kernels/cuda/device/matrix.cuh"
#include "kernels/cuda/host/context.h"
#include "kernels/simt/simt.h"

namespace polonaise::kernels {
namespace {

// A thread fills one sine and one cosine of row t: elements `offset` + `step` i, of frequencies 10000^(-2 i / D).
// In double: tables are filled rarely.
template <class T>
__global__ void fill_angles(Position first, View<T, 2> table, Index step, Index sine, Index cosine) {
  const Index t = row_of_thread(), D = table.columns();
  if (t >= table.rows()) return;
  for (Index i = first_column(); i < D / 2; i += column_step()) {
    const double angle =
        static_cast<double>(first.now() + t) * pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(D));
    table.row(t)[step * i + sine] = simt::from_float<T>(static_cast<float>(sin(angle)));
    table.row(t)[step * i + cosine] = simt::from_float<T>(static_cast<float>(cos(angle)));
  }
}

}  // namespace

template <class T>
void sinusoidal_positions(Cuda& cuda, View<T, 2> table) {
  const Index D = table.columns();
  require(D % 2 == 0, "sinusoidal positions come in pairs: the number of features must be even");
  launch(cuda, "sinusoidal_positions", over_matrix(table.rows(), D / 2), fill_angles<T>, Position(0), table, 2, 0, 1);
}

template <class T>
void rotary_angles(Cuda& cuda, Position first, View<T, 2> table) {
  const Index D = table.columns();
  require(D % 2 == 0, "rotary positions turn pairs: the head dimension must be even");
  require(first.value >= 0, "positions count from zero");
  launch(cuda, "rotary_angles", over_matrix(table.rows(), D / 2), fill_angles<T>, first, table, 1, D / 2, 0);
}

template void sinusoidal_positions<float>(Cuda&, View<float, 2>);
template void sinusoidal_positions<bf16>(Cuda&, View<bf16, 2>);
template void rotary_angles<float>(Cuda&, Position, View<float, 2>);
template void rotary_angles<bf16>(Cuda&, Position, View<bf16, 2>);

}  // namespace polonaise::kernels
