#pragma once

#include "kernels/base/require.h"
#include "kernels/sampling/sampling.h"

namespace polonaise::kernels {

// What every device's sampling checks first: all but what the mask holds.

inline void require_sampling(View<const float, 2> logits, View<const std::uint8_t, 2> allowed,
                             const SamplingOptions& options) {
  require(options.temperature >= 0, "the temperature must not be negative");
  require(options.top_k >= 0, "top_k must not be negative");
  require(options.max_keys >= 0, "max_keys must not be negative");
  require(options.top_p > 0 && options.top_p <= 1, "top_p must be above 0 and at most 1");
  require(logits.columns() >= 1, "logits must have a column");
  require(allowed.empty() || same_shape(logits, allowed), "logits and allowed must have one shape");
}

inline void require_sample_tokens(View<const float, 2> logits, View<const std::uint8_t, 2> allowed,
                                  const SamplingOptions& options, View<std::int32_t, 1> tokens) {
  require_sampling(logits, allowed, options);
  require(tokens.size() == logits.rows(), "tokens must have one element for each row of logits");
}

inline void require_sample_keys(View<const float, 2> logits, View<const std::uint8_t, 2> allowed,
                                const SamplingOptions& options, std::uint32_t position, View<std::uint8_t, 2> keys) {
  require_sampling(logits, allowed, options);
  require(same_shape(logits, keys), "logits and keys must have one shape");
  require((static_cast<Index>(position) + 1) * logits.columns() <= Index{1} << 32,
          "a row of the batch has 2^32 random numbers");
}

}  // namespace polonaise::kernels
