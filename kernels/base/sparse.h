#pragma once

#include <cstdint>
#include <vector>

#include "kernels/base/view.h"

namespace polonaise::kernels {

// A sparse matrix [R, D] in compressed rows: row r has the entries offsets[r] .. offsets[r+1] of `columns`
// (ascending within a row, 0 <= column < D) and `values`. Empty `values` means that every entry is 1 (multi-hot). On a
// GPU there may be room behind the last entry, where columns are -1.
struct SparseRows {
  View<const std::int32_t, 1> offsets;  // [R + 1], offsets[0] = 0
  View<const std::int32_t, 1> columns;  // [entries]
  View<const float, 1> values;          // [entries] or empty

  bool operator==(const SparseRows&) const = default;
  Index rows() const { return offsets.empty() ? 0 : offsets.columns() - 1; }
};

// Adds the columns that are not 0 in a dense row [count] to `columns`, ascending. It has no branch for a
// column, since drawn keys cannot be predicted.
template <class Column>
void append_nonzero(const std::uint8_t* row, Index count, std::vector<Column>& columns) {
  std::size_t size = columns.size();
  columns.resize(size + static_cast<std::size_t>(count));
  for (Index c = 0; c < count; ++c) {
    columns[size] = static_cast<Column>(c);
    size += row[c] != 0;
  }
  columns.resize(size);
}

}  // namespace polonaise::kernels
