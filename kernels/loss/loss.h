#pragma once

#include <cstdint>

#include "kernels/base/devices.h"
#include "kernels/base/sparse.h"
#include "kernels/base/view.h"

namespace polonaise::kernels {

// Losses over logits, in nats, with their gradient in the same pass: a loss is the end of a network. Logits, losses and
// gradients are float on every device. A view may be a block of columns, so that heads share one matrix of logits. A
// row's sums are added in an order that its length and its place in memory fix.
//
// The Cpu refuses targets outside the row. Cuda, which does not wait to look at them, makes the row's loss and gradient
// NaN.

// Softmax cross-entropy; normalised logits are never stored.
//   losses[r] = log sum_v exp(logits[r,v]) - logits[r,targets[r]]
//   dlogits[r,v] = softmax(logits[r,:])[v] - [v = targets[r]]
struct SoftmaxCrossEntropy {
  View<const float, 2> logits;          // [R,V]
  View<const std::int32_t, 1> targets;  // [R] in 0..V-1, or -1: the row counts nothing (loss 0, gradient 0)
  View<float, 1> losses;                // [R]
  View<float, 2> dlogits = {};          // [R,V], may be logits's own memory; empty: no gradient

  void check() const;
};
void softmax_cross_entropy(Cpu&, const SoftmaxCrossEntropy&);
void softmax_cross_entropy(Cuda&, const SoftmaxCrossEntropy&);

// Independent Bernoulli keys with logits; the targets are the sounding keys of each row.
//   losses[r] = sum_k max(x,0) - x y + log(1 + exp(-|x|)),  x = logits[r,k], y = [k in targets of r]
//   dlogits[r,k] = sigmoid(x) - y
struct BernoulliWithLogits {
  View<const float, 2> logits;            // [R,K]
  SparseRows targets;                     // [R,K] without values
  View<const std::int32_t, 1> mask = {};  // [R]: rows with mask[r] = 0 count nothing; empty: all count
  View<float, 1> losses;                  // [R]
  View<float, 2> dlogits = {};            // [R,K], may be logits's own memory; empty: no gradient

  void check() const;
};
void bernoulli_with_logits(Cpu&, const BernoulliWithLogits&);
void bernoulli_with_logits(Cuda&, const BernoulliWithLogits&);

}  // namespace polonaise::kernels
