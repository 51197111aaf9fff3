#pragma once

#include <algorithm>
#include <limits>

#include "kernels/sampling/grammar.h"

namespace polonaise::kernels {

// The rules of a grammar for one row's state (kernels/sampling/grammar.h), written once for every device: constexpr, so
// that CUDA's kernels may call them. `state` is the row's.

// Returns the index of token v in next and ticks, in the row's automaton state.
constexpr Index grammar_place(const Grammar& grammar, const std::int32_t* state, Index v) {
  return state[GrammarState::kAutomaton] * grammar.vocabulary() + v;
}

// Whether the clock of a row that has not ended may move on by `ticks`.
constexpr bool grammar_has_time(const Grammar& grammar, const std::int32_t* state, std::int32_t ticks) {
  if (state[GrammarState::kEnded] != 0) return false;
  return grammar.end < 0 || ticks <= grammar.end - state[GrammarState::kClock];
}

constexpr bool grammar_has_ended(const Grammar& grammar, const std::int32_t* state) {
  if (grammar.end >= 0 && state[GrammarState::kClock] >= grammar.end) return true;
  const std::int32_t counter = grammar.end_counter;
  return counter >= 0 && state[GrammarState::kCounters + counter] >= grammar.counters.data()[counter].high;
}

constexpr bool grammar_allows(const Grammar& grammar, const std::int32_t* state, Index v) {
  const Index place = grammar_place(grammar, state, v);
  if (grammar.next.data()[place] < 0 || grammar.drawable.data()[v] == 0) return false;
  if (!grammar_has_time(grammar, state, grammar.ticks.data()[place])) return false;
  if (grammar.counters.empty()) return true;
  const GrammarChange* const changes = grammar.changes.data();
  const std::int32_t begin = grammar.first_change.data()[v], end = grammar.first_change.data()[v + 1];
  for (std::int32_t i = begin; i < end; ++i) {
    std::int32_t sum = 0;  // of all changes of this one's counter
    for (std::int32_t j = begin; j < end; ++j)
      if (changes[j].counter == changes[i].counter) sum += changes[j].delta;
    const std::int32_t after = state[GrammarState::kCounters + changes[i].counter] + sum;
    const GrammarCounter& counter = grammar.counters.data()[changes[i].counter];
    if ((sum < 0 && after < counter.low) || (sum > 0 && after > counter.high)) return false;
  }
  return true;
}

// Whether there is room for one more frame without a length.
constexpr bool grammar_allows_frame(const Grammar& grammar, const std::int32_t* state) {
  return grammar_has_time(grammar, state, grammar.frame_ticks);
}

// The ring of what is to be taken back. Its place 0 is the row's position, the clock's own tick.
constexpr Index grammar_ring_size(const Grammar& grammar) {
  return grammar.longest_change > 0 ? grammar.longest_change + 1 : 0;
}
constexpr std::int32_t* grammar_ring(const Grammar& grammar, std::int32_t* state) {
  return state + grammar_state_size(grammar) - grammar_ring_size(grammar);
}
constexpr Index grammar_ring_place(const Grammar& grammar, const std::int32_t* state, Index ticks_ahead) {
  return (state[GrammarState::kRing] + ticks_ahead) % grammar_ring_size(grammar);
}

// How far a token, or a frame without a length, moves the clock.
constexpr std::int32_t grammar_ticks(const Grammar& grammar, const std::int32_t* state, Index token) {
  return grammar.next.empty() ? grammar.frame_ticks : grammar.ticks.data()[grammar_place(grammar, state, token)];
}

// Takes a token whose ticks have passed in the ring: `taken_back` was found in its places 1 to ticks, which are 0 now.
constexpr void grammar_take_passed(const Grammar& grammar, Index token, std::int32_t taken_back, std::int32_t* state) {
  const std::int32_t ticks = grammar_ticks(grammar, state, token);
  constexpr std::int32_t kLast = std::numeric_limits<std::int32_t>::max();
  std::int32_t& clock = state[GrammarState::kClock];
  clock = ticks < kLast - clock ? clock + ticks : kLast;
  if (grammar_ring_size(grammar) > 0)
    state[GrammarState::kRing] = static_cast<std::int32_t>(grammar_ring_place(grammar, state, ticks));
  const std::int32_t next = grammar.next.empty() ? -1 : grammar.next.data()[grammar_place(grammar, state, token)];
  if (next >= 0) state[GrammarState::kAutomaton] = next;
  if (!grammar.counters.empty()) {
    std::int32_t* const counters = state + GrammarState::kCounters;
    counters[0] -= taken_back;
    for (std::int32_t i = grammar.first_change.data()[token]; i < grammar.first_change.data()[token + 1]; ++i) {
      const GrammarChange& change = grammar.changes.data()[i];
      if (change.ticks >= 0) counters[change.counter] += change.delta;
      if (change.ticks > 0)
        grammar_ring(grammar, state)[grammar_ring_place(grammar, state, change.ticks)] += change.delta;
    }
  }
  if (grammar_has_ended(grammar, state)) state[GrammarState::kEnded] = 1;
}

}  // namespace polonaise::kernels
