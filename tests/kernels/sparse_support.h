#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/base/random.h"
#include "kernels/base/sparse.h"
#include "tests/kernels/devices.h"

namespace polonaise::testing {

// A sparse matrix that owns its memory.
struct SparseMatrix {
  std::vector<std::int32_t> offsets{0};
  std::vector<std::int32_t> columns;
  std::vector<float> values;  // empty: every entry is 1

  kernels::SparseRows view() const {
    return {{offsets.data(), {static_cast<Index>(offsets.size())}},
            {columns.data(), {static_cast<Index>(columns.size())}},
            values.empty() ? View<const float, 1>{}
                           : View<const float, 1>{values.data(), {static_cast<Index>(values.size())}}};
  }
  Index begin(Index row) const { return offsets[static_cast<std::size_t>(row)]; }
  Index end(Index row) const { return offsets[static_cast<std::size_t>(row) + 1]; }
  Index column(Index entry) const { return columns[static_cast<std::size_t>(entry)]; }
  double value(Index entry) const { return values.empty() ? 1.0 : values[static_cast<std::size_t>(entry)]; }
};

// One where the kernels of a device can reach it.
template <class Device>
class PlacedSparse {
 public:
  PlacedSparse(const Device& device, const SparseMatrix& matrix)
      : has_values_(!matrix.values.empty()),
        offsets_(placed(device, matrix.offsets)),
        columns_(placed(device, matrix.columns)),
        values_(placed(device, matrix.values)) {}

  kernels::SparseRows view() const {
    return {offsets_.view(), columns_.view(), has_values_ ? values_.view() : View<const float, 1>{}};
  }

 private:
  template <class T>
  static auto placed(const Device& device, const std::vector<T>& values) {
    Array<T, 1> array({static_cast<Index>(values.size())});
    array.values() = values;
    return place(device, array);
  }
  template <class T>
  using Placed = decltype(placed(std::declval<Device>(), std::vector<T>()));

  bool has_values_;
  Placed<std::int32_t> offsets_, columns_;
  Placed<float> values_;
};

// About `per_row` entries a row, some rows with none; a function of the seed alone.
inline SparseMatrix random_sparse(Index rows, Index columns, double per_row, std::uint64_t seed, bool with_values) {
  SparseMatrix matrix;
  const kernels::RandomStream stream{seed, 0, 0};
  for (Index r = 0; r < rows; ++r) {
    for (Index c = 0; c < columns; ++c) {
      const auto words = kernels::random_words(stream, static_cast<std::uint32_t>(r), static_cast<std::uint32_t>(c));
      if (kernels::uniform(words[0]) * static_cast<double>(columns) >= per_row) continue;
      matrix.columns.push_back(static_cast<std::int32_t>(c));
      if (with_values) matrix.values.push_back(2.0f * kernels::uniform(words[1]) - 1.0f);
    }
    matrix.offsets.push_back(static_cast<std::int32_t>(matrix.columns.size()));
  }
  return matrix;
}

}  // namespace polonaise::testing
