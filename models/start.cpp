#include "models/start.h"

#include <algorithm>
#include <cmath>

namespace polonaise {

std::vector<double> added_by_hidden_units(View<const float, 1> hidden, View<const float, 2> key_in,
                                          View<const float, 2> key_out, std::span<const float> logits) {
  std::vector<double> sums(hidden.data(), hidden.data() + hidden.size()), added;
  for (Index k = 0; k < key_out.rows(); ++k) {
    double logit = 0;
    for (std::size_t i = 0; i < sums.size(); ++i) logit += std::max(0.0, sums[i]) * key_out.row(k)[i];
    added.push_back(logit);
    const double share = 1 / (1 + std::exp(-static_cast<double>(logits[static_cast<std::size_t>(k)])));
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += share * key_in.row(k)[i];
  }
  return added;
}

double length_at(double quantile, std::span<const float> values, std::span<const float> log_shares) {
  double lower = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = values[i];
    const double upper = i + 1 < values.size() ? (value + static_cast<double>(values[i + 1])) / 2 : 2 * value - lower;
    const double share = std::exp(static_cast<double>(log_shares[i]));
    if (quantile < share || i + 1 == values.size()) return lower + (upper - lower) * std::min(1.0, quantile / share);
    quantile -= share;
    lower = upper;
  }
  return 0;
}

}  // namespace polonaise
