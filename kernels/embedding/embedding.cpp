#include "kernels/embedding/embedding.h"

#include "kernels/base/bf16.h"
#include "kernels/base/require.h"

// The indices themselves are not checked here: on a card the host cannot see them.

namespace polonaise::kernels {
namespace {

template <class T>
void check_positions(View<T, 2> positions, Index rows, Index columns) {
  if (positions.empty()) return;
  require(positions.columns() == columns, "positions must have as many columns as y");
  require(positions.rows() >= 1 && rows % positions.rows() == 0, "the rows must be a multiple of the positions");
}

void check_entries(const SparseRows& x, Index rows) {
  require(x.rows() == rows, "x and y must have the same number of rows");
  require(x.values.empty() || x.values.size() == x.columns.size(), "x must have a value for each entry");
}

}  // namespace

template <class T>
void EmbeddingForward<T>::check() const {
  require(ids.size() == y.rows(), "ids must have one element for each row of y");
  require(table.columns() == y.columns(), "table and y must have the same number of columns");
  check_positions(positions, y.rows(), y.columns());
}

template <class T>
void EmbeddingBackward<T>::check() const {
  require(ids.size() == dy.rows(), "ids must have one element for each row of dy");
  require(dtable.empty() || dtable.columns() == dy.columns(), "dtable and dy must have the same number of columns");
  check_positions(dpositions, dy.rows(), dy.columns());
}

template <class T>
void EmbeddingBagForward<T>::check() const {
  check_entries(x, y.rows());
  require(table.columns() == y.columns(), "table and y must have the same number of columns");
  require(bias.empty() || bias.size() == y.columns(), "bias must have one element for each column of y");
  check_positions(positions, y.rows(), y.columns());
}

template <class T>
void EmbeddingBagBackward<T>::check() const {
  check_entries(x, dy.rows());
  require(dtable.empty() || dtable.columns() == dy.columns(), "dtable and dy must have the same number of columns");
  require(dbias.empty() || dbias.size() == dy.columns(), "dbias must have one element for each column of dy");
  check_positions(dpositions, dy.rows(), dy.columns());
}

template struct EmbeddingForward<float>;
template struct EmbeddingForward<bf16>;
template struct EmbeddingBackward<float>;
template struct EmbeddingBackward<bf16>;
template struct EmbeddingBagForward<float>;
template struct EmbeddingBagForward<bf16>;
template struct EmbeddingBagBackward<float>;
template struct EmbeddingBagBackward<bf16>;

}  // namespace polonaise::kernels
