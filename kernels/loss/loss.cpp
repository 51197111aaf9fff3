#include "kernels/loss/loss.h"

#include "kernels/base/require.h"

namespace polonaise::kernels {
namespace {

template <class Loss>
void check_rows(const Loss& loss) {
  require(loss.logits.columns() >= 1, "logits must have a column");
  require(loss.losses.size() == loss.logits.rows(), "losses must have one element for each row of logits");
  require(loss.dlogits.empty() || same_shape(loss.logits, loss.dlogits), "logits and dlogits must have one shape");
}

}  // namespace

void SoftmaxCrossEntropy::check() const {
  check_rows(*this);
  require(targets.size() == logits.rows(), "targets must have one element for each row of logits");
}

void BernoulliWithLogits::check() const {
  check_rows(*this);
  require(targets.values.empty(), "the targets of Bernoulli keys have no values");
  require(targets.rows() == logits.rows(), "targets must have as many rows as logits");
  require(mask.empty() || mask.size() == logits.rows(), "mask must have one element for each row of logits");
}

}  // namespace polonaise::kernels
