#pragma once

#include <span>
#include <vector>

#include "kernels/base/view.h"

namespace polonaise {

// Helpers of Model::start_from, which makes initial values from counts.

// Returns what the hidden units of an autoregressive head add to the logit of each key, to first order, with a state of
// zeros and each key as likely as its logit says: a key that sounds adds its row of key_in times its probability.
// hidden [H]: the hidden units' bias; key_in, key_out [K,H] (kernels/sampling/nade.h); logits: K or more, of the keys
// first.
std::vector<double> added_by_hidden_units(View<const float, 1> hidden, View<const float, 2> key_in,
                                          View<const float, 2> key_out, std::span<const float> logits);

// The value that a share `quantile`, 0 to 1, of the lengths lies below. values: the input's value for each duration
// class, ascending; log_shares: of the classes. A class stands for all values from half way to the class below, or from
// 0, to half way to the class above.
double length_at(double quantile, std::span<const float> values, std::span<const float> log_shares);

}  // namespace polonaise
