#include "kernels/linear/linear.h"

#include "kernels/base/bf16.h"
#include "kernels/base/require.h"

namespace polonaise::kernels {

template <class T>
void LinearForward<T>::check() const {
  const Index outputs = weight.rows();
  require(x.columns() == weight.columns(), "x and weight must have the same number of columns");
  require(y.rows() == x.rows() && y.columns() == outputs, "y must be [rows of x, rows of weight]");
  require(bias.empty() || bias.size() == outputs, "bias must have one element for each row of weight");
  require(saved.empty() || (activation != Activation::none && same_shape(saved, y)),
          "saved must have y's shape, and be empty without an activation");
}

template <class T>
void LinearBackward<T>::check() const {
  const Index rows = dy.rows(), outputs = dy.columns();
  require(dx.empty() || (weight.rows() == outputs && dx.rows() == rows && dx.columns() == weight.columns()),
          "dx must be [rows of dy, columns of weight], and weight have a row for each column of dy");
  require(dweight.empty() || (x.rows() == rows && dweight.rows() == outputs && dweight.columns() == x.columns()),
          "dweight must be [columns of dy, columns of x], and x have a row for each row of dy");
  require(dbias.empty() || dbias.size() == outputs, "dbias must have one element for each column of dy");
  require(activation == Activation::gelu ? same_shape(saved, dy) && same_shape(dz, dy) : saved.empty() && dz.empty(),
          "saved and dz must have dy's shape with an activation, and be empty without one");
}

template struct LinearForward<float>;
template struct LinearForward<bf16>;
template struct LinearBackward<float>;
template struct LinearBackward<bf16>;

}  // namespace polonaise::kernels
