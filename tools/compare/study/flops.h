#pragma once

#include "models/config.h"

namespace polonaise::tools {

// Floating point operations that training on one target takes, by formula. Counted are the products with weights and of
// attention, a multiplication and an addition each; gates, norms, losses and the optimizer are left out, as is usual.
// A product costs as much again for the gradient of its weights, and again for that of its input where it has one.
//
//   recurrent    a layer's step  2 G H (inputs + H), G the gates: 1 (rnn), 3 (gru), 4 (lstm); G of the first layer's
//                products with frames are sums of columns, as many as a frame has entries: `entries` on average
//   bilstm       both directions, over all T steps of the window of the one target
//   transformer  a layer's step  2 (4 C^2 + 2 C F) + 4 C (T + 1) / 2, the last for a causal context of mean length
//   head         2 x features x outputs
//
// Windows count as full; so the figure is the model's, not the data's.
double training_flops_per_target(const ModelConfig& config, double entries);

}  // namespace polonaise::tools
