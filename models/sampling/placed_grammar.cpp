#include "models/sampling/placed_grammar.h"

#include <algorithm>

namespace polonaise {

void check_grammar(const GrammarArrays& grammar, const EventShape& events) {
  require(grammar.vocabulary == (events.tokens ? events.vocabulary : events.duration_classes()),
          "the grammar is not one of the model's events");
  require(grammar.key_drawable.empty() || static_cast<Index>(grammar.key_drawable.size()) == events.keys,
          "the grammar's keys are not the model's");
}

PlacedGrammar::PlacedGrammar(AnyDevice& device, const GrammarArrays& arrays) {
  const auto place = [&]<class T>(const std::vector<T>& values) {
    const std::size_t bytes = values.size() * sizeof(T);
    const Buffer& buffer = memory_.emplace_back(device, bytes);
    copy_to_device(device, buffer.data(), values.data(), bytes);
    return View<const T, 1>(buffer.as<const T>(), {static_cast<Index>(values.size())});
  };
  const Index S = arrays.states, V = arrays.vocabulary;
  if (V > 0) {
    require(static_cast<Index>(arrays.next.size()) == S * V && arrays.ticks.size() == arrays.next.size(),
            "next and ticks must be [S*V]");
    view_.next = {place(arrays.next).data(), {S, V}};
    view_.ticks = {place(arrays.ticks).data(), {S, V}};
    view_.drawable = place(arrays.drawable);
  }
  if (!arrays.counters.empty()) {
    view_.counters = place(arrays.counters);
    view_.first_change = place(arrays.first_change);
    if (!arrays.changes.empty()) view_.changes = place(arrays.changes);
  }
  for (const auto& change : arrays.changes) view_.longest_change = std::max(view_.longest_change, change.ticks);
  if (!arrays.key_drawable.empty()) view_.key_drawable = place(arrays.key_drawable);
  view_.start = arrays.start;
  view_.start_clock = arrays.start_clock;
  view_.end = arrays.end;
  view_.end_counter = arrays.end_counter;
  view_.frame_ticks = arrays.frame_ticks;
  view_.max_keys = arrays.max_keys;
}

}  // namespace polonaise
