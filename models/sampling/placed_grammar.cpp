#include "models/sampling/placed_grammar.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace polonaise {

void check_grammar(const EventGrammar& grammar, const EventShape& events) {
  require(grammar.vocabulary == events.drawn_classes(), "the grammar is not one of the model's events");
  require(grammar.key_drawable.empty() || static_cast<Index>(grammar.key_drawable.size()) == events.keys,
          "the grammar's keys are not the model's");
}

PlacedGrammar::PlacedGrammar(AnyDevice& device, const EventGrammar& grammar, const EventsView& opening) {
  constexpr std::int64_t kMostTicks = std::numeric_limits<std::int32_t>::max();
  require(grammar.end <= kMostTicks && grammar.frame_ticks <= kMostTicks, "a grammar's clock has 31 bits");
  const auto place = [&]<class T>(const std::vector<T>& values) {
    const std::size_t bytes = values.size() * sizeof(T);
    const Buffer& buffer = memory_.emplace_back(device, bytes);
    copy_to_device(device, buffer.data(), values.data(), bytes);
    return View<const T, 1>(buffer.as<const T>(), {static_cast<Index>(values.size())});
  };
  const Index S = grammar.states, V = grammar.vocabulary;
  if (V > 0) {
    require(static_cast<Index>(grammar.next.size()) == S * V && grammar.ticks.size() == grammar.next.size(),
            "next and ticks must be [S*V]");
    view_.next = {place(grammar.next).data(), {S, V}};
    view_.ticks = {place(grammar.ticks).data(), {S, V}};
    view_.drawable = place(grammar.drawable);
  }
  if (!grammar.counters.empty()) {
    view_.counters = place(grammar.counters);
    view_.first_change = place(grammar.first_change);
    if (!grammar.changes.empty()) view_.changes = place(grammar.changes);
  }
  for (const auto& change : grammar.changes) view_.longest_change = std::max(view_.longest_change, change.ticks);
  if (!grammar.key_drawable.empty()) view_.key_drawable = place(grammar.key_drawable);
  view_.start = grammar.start;
  view_.start_clock = static_cast<std::int32_t>(std::min(grammar.opening_ticks(opening), kMostTicks));
  view_.end = static_cast<std::int32_t>(grammar.end);
  view_.end_counter = grammar.end_counter;
  view_.frame_ticks = static_cast<std::int32_t>(grammar.frame_ticks);
  view_.max_keys = grammar.max_keys;
}

}  // namespace polonaise
