#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <span>
#include <utility>
#include <vector>

#include "kernels/events/event_grammar.h"
#include "kernels/events/events.h"

namespace polonaise::io {

// Walks through a grammar as io/encodings/event_grammar.h says, word for word.
class GrammarWalk {
 public:
  explicit GrammarWalk(const EventGrammar& grammar) : grammar_(grammar), state_(grammar.start) {
    for (const GrammarCounter& counter : grammar.counters) counters_.push_back(counter.start);
  }

  bool ended() const {
    if (clock_ == grammar_.end) return true;
    return grammar_.end_counter >= 0 &&
           counters_[index(grammar_.end_counter)] == grammar_.counters[index(grammar_.end_counter)].high;
  }
  std::int64_t clock() const { return clock_; }

  // Of a token, or of a duration class.
  bool legal(int v) const {
    const std::size_t at = edge(v);
    if (grammar_.next[at] < 0 || grammar_.drawable[index(v)] == 0 || passes_end(grammar_.ticks[at])) return false;
    if (grammar_.counters.empty()) return true;
    for (const GrammarChange& change : changes(v)) {
      std::int32_t sum = 0;
      for (const GrammarChange& other : changes(v)) sum += other.counter == change.counter ? other.delta : 0;
      const GrammarCounter& limits = grammar_.counters[index(change.counter)];
      const std::int32_t after = counters_[index(change.counter)] + sum;
      if ((sum < 0 && after < limits.low) || (sum > 0 && after > limits.high)) return false;
    }
    return true;
  }

  void take(int v) {
    const std::size_t at = edge(v);
    advance(grammar_.ticks[at]);
    if (grammar_.next[at] >= 0) state_ = grammar_.next[at];
    if (grammar_.counters.empty()) return;
    for (const GrammarChange& change : changes(v)) {
      if (change.ticks < 0) continue;
      counters_[index(change.counter)] += change.delta;
      if (change.ticks > 0) ends_.push({clock_ + change.ticks, change.delta});
    }
  }

  // Of a frame without a length; one with a length takes its class.
  bool legal_frame() const { return !passes_end(grammar_.frame_ticks); }
  void take_frame() { advance(grammar_.frame_ticks); }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }
  std::size_t edge(int v) const { return index(state_) * index(grammar_.vocabulary) + index(v); }
  bool passes_end(std::int64_t ticks) const { return grammar_.end >= 0 && clock_ + ticks > grammar_.end; }

  std::span<const GrammarChange> changes(int v) const {
    const std::int32_t first = grammar_.first_change[index(v)];
    return std::span(grammar_.changes).subspan(index(first), index(grammar_.first_change[index(v) + 1] - first));
  }

  void advance(std::int64_t ticks) {
    clock_ += ticks;
    for (; !ends_.empty() && ends_.top().first <= clock_; ends_.pop()) counters_[0] -= ends_.top().second;
  }

  const EventGrammar& grammar_;
  int state_;
  std::int64_t clock_ = 0;
  std::vector<std::int32_t> counters_;
  using End = std::pair<std::int64_t, std::int32_t>;
  std::priority_queue<End, std::vector<End>, std::greater<>> ends_;
};

}  // namespace polonaise::io
