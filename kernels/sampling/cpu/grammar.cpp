#include "kernels/sampling/grammar.h"

#include <utility>

#include "kernels/base/require.h"
#include "kernels/sampling/grammar_rules.h"

namespace polonaise::kernels {

void grammar_start(Cpu&, const Grammar& grammar, View<std::int32_t, 2> state) {
  grammar.check(state);
  for (Index r = 0; r < state.rows(); ++r) {
    std::int32_t* const row = state.row(r);
    std::fill_n(row, state.columns(), 0);
    row[GrammarState::kAutomaton] = grammar.start;
    row[GrammarState::kClock] = grammar.start_clock;
    for (Index c = 0; c < grammar.counters.size(); ++c)
      row[GrammarState::kCounters + c] = grammar.counters.data()[c].start;
    row[GrammarState::kEnded] = grammar_has_ended(grammar, row);
  }
}

void grammar_mask(Cpu&, const Grammar& grammar, View<const std::int32_t, 2> state, View<std::uint8_t, 2> allowed) {
  grammar.check(state, allowed);
  for (Index r = 0; r < state.rows(); ++r)
    for (Index v = 0; v < allowed.columns(); ++v) allowed.row(r)[v] = grammar_allows(grammar, state.row(r), v);
}

void grammar_take(Cpu&, const Grammar& grammar, View<const std::int32_t, 1> tokens, View<std::int32_t, 2> state) {
  grammar.check(tokens, state);
  const bool frames = grammar.next.empty();
  for (Index r = 0; r < state.rows(); ++r) {
    const Index token = frames ? 0 : tokens.data()[r];
    require(token >= -1 && (frames || token < grammar.vocabulary()), "a token is outside the vocabulary");
    if (token < 0) continue;
    std::int32_t* const row = state.row(r);
    const Index passed = std::min<Index>(grammar_ticks(grammar, row, token), grammar_ring_size(grammar));
    std::int32_t taken_back = 0;
    for (Index i = 1; i <= passed; ++i)
      taken_back += std::exchange(grammar_ring(grammar, row)[grammar_ring_place(grammar, row, i)], 0);
    grammar_take_passed(grammar, token, taken_back, row);
  }
}

}  // namespace polonaise::kernels
