#include "kernels/sampling/grammar.h"

#include "kernels/base/require.h"

namespace polonaise::kernels {

void Grammar::check(View<const std::int32_t, 2> state) const {
  require(same_shape(next, ticks), "next and ticks must have one shape");
  require(next.empty() || drawable.size() == vocabulary(), "drawable must be [V]");
  require(counters.empty() || first_change.size() == vocabulary() + 1, "with counters first_change must be [V+1]");
  require(frame_ticks >= 0 && longest_change >= 0, "ticks must not be negative");
  require(state.columns() == grammar_state_size(*this), "a row of state must have grammar_state_size elements");
}

void Grammar::check(View<const std::int32_t, 2> state, View<const std::uint8_t, 2> allowed) const {
  check(state);
  require(allowed.rows() == state.rows() && allowed.columns() == vocabulary(), "allowed must be [R,V]");
}

void Grammar::check(View<const std::int32_t, 1> tokens, View<const std::int32_t, 2> state) const {
  check(state);
  require(next.empty() ? tokens.empty() : tokens.size() == state.rows(),
          "tokens must be [R], of frames without a length none");
}

}  // namespace polonaise::kernels
