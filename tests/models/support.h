#pragma once

// What tests of models share: made-up pieces, batches of them, streams for decoders, and the models to go through.

#include <gtest/gtest.h>

#include <string>

#include "models/model.h"
#include "tests/kernels/support.h"

namespace polonaise::testing {

// One event of a made-up piece; which members count is told by the EventShape.
struct Event {
  std::int32_t token = 0;
  std::vector<std::int32_t> keys;
  std::int32_t duration = -1;  // class; -1 in the start event
};

EventShape token_events(int vocabulary);
EventShape frame_events(int keys, int duration_classes);

Event start_event(const EventShape&);
std::vector<Event> random_events(const EventShape&, Index count, std::uint64_t seed);

// A batch that owns its memory. Rows are added as the events that go in and those to be predicted.
class OwnedBatch {
 public:
  OwnedBatch(const EventShape& events, Index steps, Index targets_per_row)
      : events_(events), steps_(steps), targets_per_row_(targets_per_row) {}

  void add_row(std::span<const Event> inputs, std::span<const Event> targets);
  Batch view() const;

 private:
  EventShape events_;
  Index steps_, targets_per_row_;
  std::vector<std::int32_t> lengths_, inputs_, targets_;
  std::vector<std::int64_t> input_rows_{0}, target_rows_{0};
  std::vector<std::int32_t> input_columns_, target_keys_, target_classes_;
  std::vector<float> input_values_;
};

// `rows` rows of one length, each the stretch of a random piece: what a causal model reads and predicts step by step,
// or for a many-to-one model a window and what follows it.
OwnedBatch random_batch(const Model&, Index rows, Index steps, std::uint64_t seed);

// One event of each stream, for a decoder.
class StreamEvents {
 public:
  StreamEvents(const EventShape&, std::span<const Event> events);
  EventRows rows() const;

 private:
  std::vector<std::int32_t> ids_, offsets_, columns_;
  std::vector<float> values_;
  bool tokens_;
};

// Logits of what follows each input of one window, [steps, outputs] (many-to-one: [1, outputs]), by the windowed
// forward pass.
std::vector<float> window_logits(const Model&, std::span<const Event> inputs);
// The same for one event through a decoder of one stream.
std::vector<float> advance(Decoder&, const EventShape&, const Event&);

// Of what a step computes: relative, of the loss (its parts' errors added up) and of the gradient as one vector.
struct StepError {
  double loss = 0, gradient = 0;
};

// Every architecture, each transformer with every position encoding, over every kind of events; frames also with an
// autoregressive head ("chains").
struct ModelCase {
  std::string name;
  ModelConfig config;
  StepError naive_bf16;  // of the plainest network in bf16, as measured
  bool added_positions() const;
};
std::vector<ModelCase> model_cases();
// The same, those alone that a condition chooses.
std::vector<ModelCase> model_cases(bool (*chosen)(const ModelConfig&));
inline std::string case_name(const ::testing::TestParamInfo<ModelCase>& test) {
  return test.param.name;
}
std::ostream& operator<<(std::ostream&, const ModelCase&);

}  // namespace polonaise::testing
