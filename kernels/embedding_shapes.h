#pragma once

#include "kernels/embedding.h"
#include "kernels/require.h"

namespace polonaise::kernels {

// What every device's embeddings check first: all but the indices themselves.

template <class T>
void require_positions(View<T, 2> positions, Index rows, Index columns) {
  if (positions.empty()) return;
  require(positions.columns() == columns, "positions must have as many columns as y");
  require(positions.rows() >= 1 && rows % positions.rows() == 0, "the rows must be a multiple of the positions");
}

template <class T>
void require_embedding_forward(View<const std::int32_t, 1> ids, View<const T, 2> table, View<const T, 2> positions,
                               View<T, 2> y) {
  require(ids.size() == y.rows(), "ids must have one element for each row of y");
  require(table.columns() == y.columns(), "table and y must have the same number of columns");
  require_positions(positions, y.rows(), y.columns());
}

template <class T>
void require_embedding_backward(View<const std::int32_t, 1> ids, View<const T, 2> dy, View<float, 2> dtable,
                                View<float, 2> dpositions) {
  require(ids.size() == dy.rows(), "ids must have one element for each row of dy");
  require(dtable.empty() || dtable.columns() == dy.columns(), "dtable and dy must have the same number of columns");
  require_positions(dpositions, dy.rows(), dy.columns());
}

inline void require_entries(const SparseRows& x, Index rows) {
  require(x.rows() == rows, "x and y must have the same number of rows");
  require(x.values.empty() || x.values.size() == x.columns.size(), "x must have a value for each entry");
}

template <class T>
void require_bag_forward(const SparseRows& x, View<const T, 2> table, View<const T, 1> bias, View<const T, 2> positions,
                         View<T, 2> y) {
  require_entries(x, y.rows());
  require(table.columns() == y.columns(), "table and y must have the same number of columns");
  require(bias.empty() || bias.size() == y.columns(), "bias must have one element for each column of y");
  require_positions(positions, y.rows(), y.columns());
}

template <class T>
void require_bag_backward(const SparseRows& x, View<const T, 2> dy, View<float, 2> dtable, View<float, 1> dbias,
                          View<float, 2> dpositions) {
  require_entries(x, dy.rows());
  require(dtable.empty() || dtable.columns() == dy.columns(), "dtable and dy must have the same number of columns");
  require(dbias.empty() || dbias.size() == dy.columns(), "dbias must have one element for each column of dy");
  require_positions(dpositions, dy.rows(), dy.columns());
}

}  // namespace polonaise::kernels
