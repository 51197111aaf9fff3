#pragma once

#include <cstdint>

#include "kernels/base/devices.h"
#include "kernels/base/sparse.h"
#include "kernels/base/view.h"

namespace polonaise::kernels {

// Losses over logits, in nats, with their gradient in the same pass: a loss is the end of a network, and `scale` (one
// over the whole batch's number of targets) is known before the forward pass. Logits, losses and gradients are float
// on every device. A view may be a block of columns, so that heads share one matrix of logits. A row's sums are added
// in an order that its length and its place in memory fix.
//
// The Cpu refuses targets outside the row. Cuda, which does not wait to look at them, makes the row's loss and gradient
// NaN.

// Softmax cross-entropy; normalised logits are never stored.
//   losses[r] = log sum_v exp(logits[r,v]) - logits[r,targets[r]]
//   dlogits[r,v] = scale (softmax(logits[r,:])[v] - [v = targets[r]])
// logits, dlogits [R,V]; targets [R] in 0..V-1, or -1: the row counts nothing (loss 0, gradient 0); losses [R] is
// written, or added to. dlogits may be empty (no gradient) or logits's own memory.
void softmax_cross_entropy(Cpu&, View<const float, 2> logits, View<const std::int32_t, 1> targets, float scale,
                           View<float, 1> losses, Accumulate, View<float, 2> dlogits);
void softmax_cross_entropy(Cuda&, View<const float, 2> logits, View<const std::int32_t, 1> targets, float scale,
                           View<float, 1> losses, Accumulate, View<float, 2> dlogits);

// Independent Bernoulli keys with logits; the targets are the sounding keys of each row.
//   losses[r] = sum_k max(x,0) - x y + log(1 + exp(-|x|)),  x = logits[r,k], y = [k in targets of r]
//   dlogits[r,k] = scale (sigmoid(x) - y)
// targets: SparseRows [R,K] without values. mask [R]: rows with mask[r] = 0 count nothing; empty: all count.
void bernoulli_with_logits(Cpu&, View<const float, 2> logits, SparseRows targets, View<const std::int32_t, 1> mask,
                           float scale, View<float, 1> losses, Accumulate, View<float, 2> dlogits);
void bernoulli_with_logits(Cuda&, View<const float, 2> logits, SparseRows targets, View<const std::int32_t, 1> mask,
                           float scale, View<float, 1> losses, Accumulate, View<float, 2> dlogits);

}  // namespace polonaise::kernels
