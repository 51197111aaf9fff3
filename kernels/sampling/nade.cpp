#include "kernels/sampling/nade.h"

#include "kernels/base/require.h"

namespace polonaise::kernels {

void Nade::check() const {
  require(bias.columns() >= 1 && hidden.columns() >= 1, "there must be a key and a hidden unit");
  require(hidden.rows() == bias.rows(), "hidden and bias must have the same number of rows");
  require(key_in.rows() == bias.columns() && key_in.columns() == hidden.columns(), "key_in must be [K,H]");
  require(same_shape(key_in, key_out), "key_in and key_out must have one shape");
}

void NadeLoss::check() const {
  nade.check();
  const Index rows = nade.bias.rows();
  require(losses.size() == rows, "losses must have one element for each row");
  require(targets.values.empty() && targets.rows() == rows,
          "targets must have a row of keys, without values, for each");
  require(mask.empty() || mask.size() == rows, "mask must have one element for each row");
  const NadeGradients& d = gradients;
  const bool none = d.hidden.empty() && d.bias.empty() && d.key_in.empty() && d.key_out.empty();
  const bool all = same_shape(nade.hidden, d.hidden) && same_shape(nade.bias, d.bias) &&
                   same_shape(nade.key_in, d.key_in) && same_shape(nade.key_out, d.key_out);
  require(none || all, "all gradients must be given, in the shapes of what they belong to, or none");
  require(none || (scratch.rows() == rows + 2 * targets.columns.size() && scratch.columns() == nade.hidden.columns() &&
                   scratch.contiguous()),
          "scratch must be [R + 2 entries, H], contiguous");
}

void NadeSample::check() const {
  nade.check();
  require(options.temperature >= 0, "the temperature must not be negative");
  require(options.max_keys >= 0, "max_keys must not be negative");
  require(same_shape(nade.bias, keys), "keys and bias must have one shape");
  require(allowed.empty() || same_shape(nade.bias, allowed), "allowed and bias must have one shape");
  require((static_cast<Index>(position) + 1) * nade.bias.columns() <= Index{1} << 32,
          "a row of the batch has 2^32 random numbers");
}

}  // namespace polonaise::kernels
