#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "kernels/events/events.h"

namespace polonaise {

// A counter of a grammar: its first value, and the limits that drawn tokens keep.
struct GrammarCounter {
  std::int32_t start = 0, low = 0, high = 0;
};
// A change that a token makes to a counter; EventGrammar::changes says what `ticks` means.
struct GrammarChange {
  std::int32_t counter = 0, delta = 0, ticks = 0;
};

// A grammar of an encoding's events, as plain arrays: a sampler holds a model to it, on any device, without knowing the
// encoding. For tokens it is a finite automaton, a clock, and counters with limits. A token v may be drawn in a state s
// where all of this holds:
//   next[s * vocabulary + v] >= 0, and drawable[v]
//   the clock, moved on by ticks[s * vocabulary + v], does not pass `end`
//   each counter that it changes stays at or above `low` if it falls and at or below `high` if it rises
// Then the clock is moved, the state becomes next[...], and the changes are made. A sample ends where the clock is at
// `end`, or the end counter at its `high`; until there, some token may always be drawn. An opening is taken as it is,
// without being asked (one that is itself beyond the limits may leave nothing to draw), and a token without a next
// state leaves the state alone.
//
// For frames, keys have a mask and a limit, and the vocabulary is that of their lengths (duration classes), in one
// state; frames without a length move the clock by frame_ticks. The lengths of an opening's frames need not be a
// class's: together they move the clock by their quarters times ticks_per_quarter, rounded.
struct EventGrammar {
  int vocabulary = 0;                      // V: tokens, or duration classes
  int states = 0;                          // S
  int start = 0;                           // the state before the first event
  std::vector<std::int32_t> next;          // [S * V]; -1: never in this state
  std::vector<std::int32_t> ticks;         // [S * V]: >= 0
  std::vector<std::uint8_t> drawable;      // [V]: 0 forbids a token that an opening may yet have
  std::int64_t end = -1;                   // of the clock, which begins at 0 with the opening; -1: none
  std::int64_t frame_ticks = 0;            // frames without a length
  std::int64_t ticks_per_quarter = 0;      // frames with a length
  std::vector<std::uint8_t> key_drawable;  // frames: [keys], as drawable; empty: all
  int max_keys = 0;                        // frames: at most so many keys at once; 0: any number

  std::vector<GrammarCounter> counters;
  int end_counter = -1;  // ends a sample at its `high`; -1: none. It only rises.
  // Token v makes the changes [first_change[v], first_change[v + 1]), all at once: limits are asked of their sum. One
  // with ticks > 0 is taken back when the clock has moved on by so many (a note of that length ends); only changes of
  // counter 0 may have them. One with ticks < 0 is asked for but not made (a velocity must leave room for its note).
  std::vector<std::int32_t> first_change;  // [V + 1], or empty without counters
  std::vector<GrammarChange> changes;

  // How far an opening of frames moves the clock before anything is drawn. Tokens move it one by one.
  std::int64_t opening_ticks(const EventsView& opening) const {
    if (opening.kind == EventKind::tokens) return 0;
    const double quarters = std::accumulate(opening.quarters.begin(), opening.quarters.end(), 0.0);
    return frame_ticks * opening.size() + std::llround(quarters * static_cast<double>(ticks_per_quarter));
  }
};

}  // namespace polonaise
