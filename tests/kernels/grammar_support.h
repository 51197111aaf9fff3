#pragma once

// Grammars that own their arrays, where the kernels of a device read them, and random ones.

#include <memory>
#include <vector>

#include "kernels/sampling/grammar.h"
#include "tests/kernels/devices.h"

namespace polonaise::testing {

struct OwnedGrammar {
  int vocabulary = 0, states = 0, start = 0;
  std::vector<std::int32_t> next = {}, ticks = {};
  std::vector<std::uint8_t> drawable = {};
  std::int32_t start_clock = 0, end = -1, end_counter = -1, frame_ticks = 0;
  std::vector<GrammarCounter> counters = {};
  std::vector<std::int32_t> first_change = {};
  std::vector<GrammarChange> changes = {};
  std::vector<std::uint8_t> key_drawable = {};
  int max_keys = 0;
};

template <class Device>
class PlacedGrammar {
 public:
  PlacedGrammar(Device& device, const OwnedGrammar& g) {
    const Index V = g.vocabulary, S = g.states;
    if (V > 0) {
      view_.next = keep(device, g.next).view_as({S, V});
      view_.ticks = keep(device, g.ticks).view_as({S, V});
      view_.drawable = keep(device, g.drawable).view();
    }
    if (!g.counters.empty()) {
      view_.counters = keep(device, g.counters).view();
      view_.first_change = keep(device, g.first_change).view();
    }
    if (!g.changes.empty()) view_.changes = keep(device, g.changes).view();
    if (!g.key_drawable.empty()) view_.key_drawable = keep(device, g.key_drawable).view();
    for (const auto& change : g.changes) view_.longest_change = std::max(view_.longest_change, change.ticks);
    view_.start = g.start;
    view_.start_clock = g.start_clock;
    view_.end = g.end;
    view_.end_counter = g.end_counter;
    view_.frame_ticks = g.frame_ticks;
    view_.max_keys = g.max_keys;
  }
  const kernels::Grammar& view() const { return view_; }

 private:
  template <class T>
  struct Kept {
    const T* data;
    Index size;
    View<const T, 1> view() const { return {data, {size}}; }
    View<const T, 2> view_as(std::array<Index, 2> extents) const { return {data, extents}; }
  };
  template <class T>
  Kept<T> keep(Device& device, const std::vector<T>& values) {
    Array<T, 1> array({static_cast<Index>(values.size())});
    array.values() = values;
    using Placed = decltype(place(device, array));
    const auto placed = std::make_shared<Placed>(place(device, std::move(array)));
    memory_.push_back(placed);
    return {placed->view().data(), static_cast<Index>(values.size())};
  }

  kernels::Grammar view_;
  std::vector<std::shared_ptr<void>> memory_;
};

struct RandomGrammar {
  int vocabulary = 1, states = 1, counters = 0;
  std::int32_t end = -1;
};

// About a third of all tokens are forbidden in each state, a tenth altogether; some move the clock, some change
// counters, some of these for a time, or in question only.
inline OwnedGrammar random_grammar(std::uint64_t seed, const RandomGrammar& shape) {
  std::uint32_t drawn = 0;
  const auto below = [&](int n) {
    return static_cast<int>(kernels::uniform({seed, 0, 77}, 0, drawn++) * static_cast<float>(n));
  };
  OwnedGrammar g{
      .vocabulary = shape.vocabulary, .states = shape.states, .start = below(shape.states), .end = shape.end};
  for (int i = 0; i < shape.states * shape.vocabulary; ++i) {
    g.next.push_back(below(3) == 0 ? -1 : below(shape.states));
    g.ticks.push_back(below(3) == 0 ? below(12) : 0);
  }
  for (int c = 0; c < shape.counters; ++c) g.counters.push_back({below(2), -below(2), 2 + below(3)});
  g.first_change = {0};
  for (int v = 0; v < shape.vocabulary; ++v) {
    g.drawable.push_back(below(10) > 0);
    for (int i = shape.counters > 0 ? below(4) : 0; i > 0; --i) {
      const int counter = below(shape.counters);
      g.changes.push_back({counter, below(3) - 1, counter == 0 && below(2) == 0 ? 1 + below(9) : -(below(4) / 3)});
    }
    g.first_change.push_back(static_cast<std::int32_t>(g.changes.size()));
  }
  if (shape.counters == 0) g.first_change.clear();
  return g;
}

}  // namespace polonaise::testing
