#pragma once

#include "kernels/base/require.h"
#include "kernels/loss/loss.h"

namespace polonaise::kernels {

// What every device's losses check first: all but the targets themselves.

inline void require_losses(View<const float, 2> logits, View<float, 1> losses, View<float, 2> dlogits) {
  require(logits.columns() >= 1, "logits must have a column");
  require(losses.size() == logits.rows(), "losses must have one element for each row of logits");
  require(dlogits.empty() || same_shape(logits, View<const float, 2>(dlogits)),
          "logits and dlogits must have one shape");
}

inline void require_cross_entropy(View<const float, 2> logits, View<const std::int32_t, 1> targets,
                                  View<float, 1> losses, View<float, 2> dlogits) {
  require_losses(logits, losses, dlogits);
  require(targets.size() == logits.rows(), "targets must have one element for each row of logits");
}

inline void require_bernoulli(View<const float, 2> logits, const SparseRows& targets, View<const std::int32_t, 1> mask,
                              View<float, 1> losses, View<float, 2> dlogits) {
  require_losses(logits, losses, dlogits);
  require(targets.values.empty(), "the targets of Bernoulli keys have no values");
  require(targets.rows() == logits.rows(), "targets must have as many rows as logits");
  require(mask.empty() || mask.size() == logits.rows(), "mask must have one element for each row of logits");
}

}  // namespace polonaise::kernels
