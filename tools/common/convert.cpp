#include "tools/common/convert.h"

#include <cstdint>
#include <vector>

#include "io/durations.h"

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
