#pragma once

#include <cstdint>

#include "kernels/base/require.h"
#include "kernels/base/sparse.h"
#include "kernels/base/view.h"

namespace polonaise::kernels {

// Kernels read and write memory through indices that come from files; these checks cost one pass over the indices.

inline bool indices_within(View<const std::int32_t, 1> indices, Index lower, Index upper) {
  bool outside = false;  // without an early exit, so that the loop is vectorised
  for (Index i = 0; i < indices.size(); ++i) outside |= indices.data()[i] < lower || indices.data()[i] >= upper;
  return !outside;
}

// Whether x is a well-formed sparse [rows, columns], up to the order of columns within a row.
inline bool sparse_rows_within(const SparseRows& x, Index rows, Index columns) {
  if (x.rows() != rows) return false;
  if (!x.values.empty() && x.values.size() != x.columns.size()) return false;
  if (rows == 0) return true;
  bool descends = x.offsets.data()[0] < 0 || x.offsets.data()[rows] > x.columns.size();
  for (Index r = 0; r < rows; ++r) descends |= x.offsets.data()[r + 1] < x.offsets.data()[r];
  return !descends && indices_within(x.columns, 0, columns);
}

}  // namespace polonaise::kernels
