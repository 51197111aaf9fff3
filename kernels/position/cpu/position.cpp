#include "kernels/position/position.h"

#include <cmath>

#include "kernels/base/require.h"

namespace polonaise::kernels {
namespace {

// 10000^(-2 i / D): how far pair i turns in one step.
double frequency(Index i, Index dimension) {
  return std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(dimension));
}

}  // namespace

template <class T>
void sinusoidal_positions(Cpu&, View<T, 2> table) {
  const Index D = table.columns();
  require(D % 2 == 0, "sinusoidal positions come in pairs: the number of features must be even");
  for (Index i = 0; i < D / 2; ++i) {
    const double step = frequency(i, D);
    for (Index t = 0; t < table.rows(); ++t) {
      const double angle = static_cast<double>(t) * step;
      table.row(t)[2 * i] = static_cast<T>(std::sin(angle));
      table.row(t)[2 * i + 1] = static_cast<T>(std::cos(angle));
    }
  }
}

template <class T>
void rotary_angles(Cpu&, Position start, View<T, 2> table) {
  const Index D = table.columns();
  require(D % 2 == 0, "rotary positions turn pairs: the head dimension must be even");
  const Index first = start.now();
  require(first >= 0, "positions count from zero");
  for (Index i = 0; i < D / 2; ++i) {
    const double step = frequency(i, D);
    for (Index t = 0; t < table.rows(); ++t) {
      const double angle = static_cast<double>(first + t) * step;
      table.row(t)[i] = static_cast<T>(std::cos(angle));
      table.row(t)[D / 2 + i] = static_cast<T>(std::sin(angle));
    }
  }
}

template void sinusoidal_positions<float>(Cpu&, View<float, 2>);
template void rotary_angles<float>(Cpu&, Position, View<float, 2>);

}  // namespace polonaise::kernels
