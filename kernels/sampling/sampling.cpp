#include "kernels/sampling/sampling.h"

#include "kernels/base/require.h"

namespace polonaise::kernels {
namespace {

template <class Sample>
void check_rows(const Sample& s) {
  s.options.check();
  require(s.logits.columns() >= 1, "logits must have a column");
  require(s.allowed.empty() || same_shape(s.logits, s.allowed), "logits and allowed must have one shape");
}

}  // namespace

void SamplingOptions::check() const {
  require(temperature >= 0, "the temperature must not be negative");
  require(top_k >= 0, "top_k must not be negative");
  require(max_keys >= 0, "max_keys must not be negative");
  require(top_p > 0 && top_p <= 1, "top_p must be above 0 and at most 1");
}

void SampleTokens::check() const {
  check_rows(*this);
  require(tokens.size() == logits.rows(), "tokens must have one element for each row of logits");
}

void SampleKeys::check() const {
  check_rows(*this);
  require(same_shape(logits, keys), "logits and keys must have one shape");
  require((static_cast<Index>(position) + 1) * logits.columns() <= Index{1} << 32,
          "a row of the batch has 2^32 random numbers");
}

}  // namespace polonaise::kernels
