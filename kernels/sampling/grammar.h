#pragma once

#include <cstdint>

#include "kernels/base/devices.h"
#include "kernels/base/view.h"
#include "kernels/events/event_grammar.h"

namespace polonaise::kernels {

// An EventGrammar (kernels/events/event_grammar.h) where a device reads it: a finite automaton over tokens, a clock,
// and counters with limits, as plain arrays. Token v may be drawn in automaton state s where all of this holds:
//   next[s,v] >= 0, and drawable[v]
//   end < 0, or clock + ticks[s,v] <= end
//   each counter that v changes, by its changes' sum, stays >= low where it falls and <= high where it rises
// A token that is taken, drawn or not, moves the clock on by ticks[s,v], then the state to next[s,v] (where that is not
// negative), then the counters by its changes. A change with ticks > 0 is taken back when the clock has moved on by so
// many; only counter 0 has such. One with ticks < 0 is asked for and not made. A row ends when its clock reaches `end`,
// or the end counter its `high`, and then allows nothing.
//
// For frames the vocabulary is that of their lengths; without lengths it is empty, and a frame moves the clock by
// frame_ticks. Which keys may sound, and how many, does not change from frame to frame.

struct Grammar {
  View<const std::int32_t, 2> next;      // [S,V]; empty for frames without a length
  View<const std::int32_t, 2> ticks;     // [S,V], >= 0
  View<const std::uint8_t, 1> drawable;  // [V]
  // Token v makes the changes first_change[v] to first_change[v+1] - 1. All three are empty without counters.
  View<const GrammarCounter, 1> counters;
  View<const std::int32_t, 1> first_change;  // [V+1]
  View<const GrammarChange, 1> changes;

  std::int32_t start = 0;        // the automaton's first state
  std::int32_t start_clock = 0;  // ticks
  std::int32_t end = -1;         // ticks; -1: none
  std::int32_t end_counter = -1;
  std::int32_t longest_change = 0;  // the most ticks after which a change is taken back
  std::int32_t frame_ticks = 0;

  View<const std::uint8_t, 1> key_drawable;  // frames: [K], or empty: all
  int max_keys = 0;                          // frames: 0: any number

  bool operator==(const Grammar&) const = default;
  constexpr Index vocabulary() const { return next.columns(); }

  // The preconditions of grammar_start, of grammar_mask and of grammar_take.
  void check(View<const std::int32_t, 2> state) const;
  void check(View<const std::int32_t, 2> state, View<const std::uint8_t, 2> allowed) const;
  void check(View<const std::int32_t, 1> tokens, View<const std::int32_t, 2> state) const;
};

// A row's state, so many numbers of 32 bits: these, then the counters, then a ring of what counter 0 gets back at each
// of the ticks to come, for as long as any change lasts. The clock stops at the largest number it can be.
struct GrammarState {
  static constexpr Index kAutomaton = 0, kClock = 1, kEnded = 2, kRing = 3, kCounters = 4;
};
constexpr Index grammar_state_size(const Grammar& grammar) {
  return GrammarState::kCounters + grammar.counters.size() +
         (grammar.longest_change > 0 ? grammar.longest_change + 1 : 0);
}

// The state before the first event: state [R, grammar_state_size].
void grammar_start(Cpu&, const Grammar&, View<std::int32_t, 2> state);
void grammar_start(Cuda&, const Grammar&, View<std::int32_t, 2> state);

// allowed [R,V] of 0 and 1, as sample_tokens reads it. A row that has ended, or where nothing can follow, has only 0.
void grammar_mask(Cpu&, const Grammar&, View<const std::int32_t, 2> state, View<std::uint8_t, 2> allowed);
void grammar_mask(Cuda&, const Grammar&, View<const std::int32_t, 2> state, View<std::uint8_t, 2> allowed);

// Takes a token of each row, -1 for none, without asking whether it may be; of frames, their classes. Frames without a
// length have no tokens: every row's clock moves by frame_ticks. A row that has ended takes on, and stays ended. The
// Cpu refuses tokens outside the vocabulary; Cuda, which does not wait to look at them, takes none.
void grammar_take(Cpu&, const Grammar&, View<const std::int32_t, 1> tokens, View<std::int32_t, 2> state);
void grammar_take(Cuda&, const Grammar&, View<const std::int32_t, 1> tokens, View<std::int32_t, 2> state);

}  // namespace polonaise::kernels
