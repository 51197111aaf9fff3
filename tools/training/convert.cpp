#include "tools/training/convert.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "io/encodings/durations.h"
#include "kernels/base/require.h"

namespace polonaise::tools {

EventShape event_shape(const io::EventSpec& spec) {
  EventShape shape;
  shape.tokens = spec.kind == io::EventKind::tokens;
  shape.vocabulary = spec.vocabulary;
  shape.keys = spec.keys;
  shape.width = spec.width;
  for (int i = 0; i < spec.duration_classes; ++i) {
    shape.duration_values.push_back(io::duration_value(spec.duration_input, io::class_quarters(i)));
  }
  return shape;
}

polonaise::Batch batch_view(const io::Batch& batch) {
  return {.rows = batch.rows,
          .steps = batch.steps,
          .targets_per_row = batch.targets_per_row,
          .lengths = batch.lengths,
          .inputs = batch.inputs,
          .targets = batch.targets,
          .input_rows = batch.input_rows,
          .input_columns = batch.input_columns,
          .input_values = batch.input_values,
          .target_rows = batch.target_rows,
          .target_keys = batch.target_keys,
          .target_classes = batch.target_classes};
}

Sequence to_sequence(const io::EventsView& events, const io::EventSpec& spec) {
  Sequence sequence;
  sequence.tokens.assign(events.tokens.begin(), events.tokens.end());
  if (spec.kind == io::EventKind::tokens) return sequence;
  for (std::int64_t i = 0; i < events.size(); ++i) {
    for (const std::uint8_t key : events.frame(i)) sequence.columns.push_back(key);
    sequence.values.resize(sequence.columns.size(), 1.0F);
    if (spec.has_durations()) {
      sequence.columns.push_back(spec.width - 1);
      sequence.values.push_back(io::duration_value(spec.duration_input, events.quarters[static_cast<std::size_t>(i)]));
    }
    sequence.offsets.push_back(static_cast<std::int32_t>(sequence.columns.size()));
  }
  return sequence;
}

GrammarArrays to_arrays(const io::Grammar& grammar, const io::EventsView& opening) {
  constexpr std::int64_t kMostTicks = std::numeric_limits<std::int32_t>::max();
  require(grammar.end <= kMostTicks && grammar.frame_ticks <= kMostTicks, "a grammar's clock has 31 bits");
  GrammarArrays arrays;
  arrays.vocabulary = grammar.vocabulary;
  arrays.states = grammar.states;
  arrays.next = grammar.next;
  arrays.ticks = grammar.ticks;
  arrays.drawable = grammar.drawable;
  for (const auto& counter : grammar.counters) arrays.counters.push_back({counter.start, counter.low, counter.high});
  arrays.first_change = grammar.first_change;
  for (const auto& change : grammar.changes) arrays.changes.push_back({change.counter, change.delta, change.ticks});
  arrays.start = grammar.start;
  arrays.end = static_cast<std::int32_t>(grammar.end);
  arrays.end_counter = grammar.end_counter;
  arrays.frame_ticks = static_cast<std::int32_t>(grammar.frame_ticks);
  arrays.key_drawable = grammar.key_drawable;
  arrays.max_keys = grammar.max_keys;
  if (opening.kind == io::EventKind::frames) {
    const double quarters = std::accumulate(opening.quarters.begin(), opening.quarters.end(), 0.0);
    const std::int64_t ticks =
        grammar.frame_ticks * opening.size() + std::llround(quarters * static_cast<double>(grammar.ticks_per_quarter));
    arrays.start_clock = static_cast<std::int32_t>(std::min(ticks, kMostTicks));
  }
  return arrays;
}

io::Events to_events(const Generated& generated, const io::EventSpec& spec) {
  io::Events events(spec.kind);
  for (const std::int32_t token : generated.tokens) events.push_token(token);
  if (spec.kind == io::EventKind::tokens) return events;
  for (std::size_t i = 0; i + 1 < generated.offsets.size(); ++i) {
    const std::vector<std::uint8_t> keys(generated.keys.begin() + generated.offsets[i],
                                         generated.keys.begin() + generated.offsets[i + 1]);
    if (spec.has_durations()) {
      events.push_frame(keys, io::class_quarters(generated.classes[i]));
    } else {
      events.push_frame(keys);
    }
  }
  return events;
}

}  // namespace polonaise::tools
