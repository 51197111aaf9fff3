#pragma once

#include <cstdint>

#include "kernels/view.h"

namespace polonaise::kernels {

// Rows of a sparse matrix [R, D] in compressed form: row r has the entries offsets[r] .. offsets[r+1] of `columns`
// (ascending within a row, 0 <= column < D) and `values`. Empty `values` means that every entry is 1 (multi-hot).
struct SparseRows {
  View<const std::int32_t, 1> offsets;  // [R + 1], offsets[0] = 0
  View<const std::int32_t, 1> columns;  // [entries]
  View<const float, 1> values;          // [entries] or empty

  Index rows() const { return offsets.empty() ? 0 : offsets.columns() - 1; }
};

}  // namespace polonaise::kernels
