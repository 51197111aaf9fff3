#include "tests/models/support.h"

#include <map>
#include <ostream>

namespace polonaise::testing {

namespace {

// An offset per row of cells, and what stands in them.
template <class T>
View<const T, 1> whole(const std::vector<T>& values) {
  return {values.data(), {static_cast<Index>(values.size())}};
}

void append_input(const EventShape& shape, const Event& event, std::vector<std::int32_t>& columns,
                  std::vector<float>& values) {
  for (const std::int32_t key : event.keys) {
    columns.push_back(key);
    values.push_back(1.0f);
  }
  if (event.duration < 0 || !shape.has_durations()) return;
  columns.push_back(shape.width - 1);
  values.push_back(duration_value(shape.duration_input, class_quarters(event.duration)));
}

// /usr/bin/python3 tests/models/torch/naive_twin.py
const std::map<std::string, StepError> kNaiveBf16 = {
    {"rnn_tokens", {4.3e-5, 4.1e-3}},     {"lstm_tokens", {3.1e-5, 2.5e-3}},   {"gru_tokens", {2.0e-5, 3.5e-3}},
    {"bilstm_tokens", {8.3e-5, 3.5e-3}},  {"slstm_tokens", {2.1e-5, 3.0e-3}},  {"sinusoidal_tokens", {1.0e-4, 5.2e-3}},
    {"learned_tokens", {2.6e-4, 9.3e-3}}, {"rotary_tokens", {1.2e-4, 1.1e-2}}, {"relative_tokens", {2.1e-4, 1.1e-2}},
    {"rnn_frames", {2.8e-5, 1.9e-3}},     {"lstm_frames", {1.2e-5, 1.1e-3}},   {"gru_frames", {1.8e-5, 1.5e-3}},
    {"bilstm_frames", {3.5e-5, 2.4e-3}},  {"slstm_frames", {1.6e-5, 1.3e-3}},  {"sinusoidal_frames", {1.2e-4, 3.7e-3}},
    {"learned_frames", {1.3e-4, 5.8e-3}}, {"rotary_frames", {1.6e-4, 5.5e-3}}, {"relative_frames", {1.3e-4, 5.2e-3}},
    {"rnn_rolls", {1.9e-5, 1.8e-3}},      {"lstm_rolls", {7.7e-6, 1.1e-3}},    {"gru_rolls", {2.1e-5, 1.4e-3}},
    {"bilstm_rolls", {7.3e-6, 2.4e-3}},   {"slstm_rolls", {9.2e-6, 1.2e-3}},   {"sinusoidal_rolls", {2.2e-4, 3.7e-3}},
    {"learned_rolls", {2.1e-4, 4.4e-3}},  {"rotary_rolls", {2.1e-4, 4.2e-3}},  {"relative_rolls", {1.6e-4, 4.2e-3}},
    {"rnn_chains", {2.6e-5, 2.0e-3}},     {"lstm_chains", {1.4e-5, 9.8e-4}},   {"gru_chains", {2.3e-5, 4.5e-3}},
    {"bilstm_chains", {3.7e-5, 2.3e-3}},  {"slstm_chains", {1.8e-5, 1.6e-3}},  {"sinusoidal_chains", {1.2e-4, 6.8e-3}},
    {"learned_chains", {1.4e-4, 1.0e-2}}, {"rotary_chains", {1.4e-4, 1.1e-2}}, {"relative_chains", {1.8e-4, 1.6e-2}}};

}  // namespace

EventShape token_events(int vocabulary) {
  return {.vocabulary = vocabulary};
}

EventShape frame_events(int keys, int duration_classes) {
  return {.kind = EventKind::frames,
          .keys = keys,
          .duration_classes = duration_classes,
          .width = keys + (duration_classes > 0 ? 1 : 0)};
}

Event start_event(const EventShape& shape) {
  return {static_cast<std::int32_t>(shape.vocabulary), {}, -1};
}

std::vector<Event> random_events(const EventShape& shape, Index count, std::uint64_t seed) {
  const kernels::RandomStream stream{seed, 0, 0};
  std::vector<Event> events(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto number = [&](Index position) {
      return kernels::uniform(stream, static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(position));
    };
    const auto below = [&](Index n) { return static_cast<std::int32_t>(number(0) * static_cast<float>(n)); };
    if (shape.is_tokens()) {
      events[i].token = below(shape.vocabulary);
      continue;
    }
    if (shape.duration_classes > 0) events[i].duration = below(shape.duration_classes);
    for (Index key = 0; key < shape.keys; ++key)
      if (number(key + 1) < 0.3f) events[i].keys.push_back(static_cast<std::int32_t>(key));
  }
  return events;
}

void OwnedBatch::add_row(std::span<const Event> inputs, std::span<const Event> targets) {
  lengths_.push_back(static_cast<std::int32_t>(inputs.size()));
  for (std::size_t t = 0; t < static_cast<std::size_t>(steps_); ++t) {
    const bool present = t < inputs.size();
    if (events_.is_tokens()) {
      inputs_.push_back(present ? inputs[t].token : 0);
      continue;
    }
    if (present) append_input(events_, inputs[t], input_columns_, input_values_);
    input_rows_.push_back(static_cast<std::int64_t>(input_columns_.size()));
  }
  for (std::size_t t = 0; t < static_cast<std::size_t>(targets_per_row_); ++t) {
    const bool present = t < targets.size();
    if (events_.is_tokens()) {
      targets_.push_back(present ? targets[t].token : -1);
      continue;
    }
    if (present) target_keys_.insert(target_keys_.end(), targets[t].keys.begin(), targets[t].keys.end());
    target_rows_.push_back(static_cast<std::int64_t>(target_keys_.size()));
    if (events_.duration_classes > 0) target_classes_.push_back(present ? targets[t].duration : -1);
  }
}

Batch OwnedBatch::view() const {
  Batch batch;
  batch.rows = static_cast<Index>(lengths_.size());
  batch.steps = steps_;
  batch.targets_per_row = targets_per_row_;
  batch.lengths = lengths_;
  batch.inputs = inputs_;
  batch.targets = targets_;
  batch.input_rows = input_rows_;
  batch.input_columns = input_columns_;
  batch.input_values = input_values_;
  batch.target_rows = target_rows_;
  batch.target_keys = target_keys_;
  batch.target_classes = target_classes_;
  return batch;
}

OwnedBatch random_batch(const Model& model, Index rows, Index steps, std::uint64_t seed) {
  const EventShape& shape = model.config().events;
  OwnedBatch batch(shape, steps, model.many_to_one() ? 1 : steps);
  for (Index b = 0; b < rows; ++b) {
    const std::vector<Event> piece = random_events(shape, steps + 1, seed + static_cast<std::uint64_t>(b));
    const std::span<const Event> events(piece);
    const std::size_t n = events.size() - 1;
    batch.add_row(events.first(n), model.many_to_one() ? events.last(1) : events.last(n));
  }
  return batch;
}

StreamEvents::StreamEvents(const EventShape& shape, std::span<const Event> events)
    : offsets_{0}, tokens_(shape.is_tokens()) {
  columns_.reserve(1);
  values_.reserve(1);
  for (const Event& event : events) {
    ids_.push_back(event.token);
    append_input(shape, event, columns_, values_);
    offsets_.push_back(static_cast<std::int32_t>(columns_.size()));
  }
}

EventRows StreamEvents::rows() const {
  if (tokens_) return {whole(ids_), {}};
  return {{}, {whole(offsets_), whole(columns_), whole(values_)}};
}

std::vector<float> window_logits(const Model& model, std::span<const Event> inputs) {
  const ModelConfig& config = model.config();
  const auto steps = static_cast<Index>(inputs.size());
  OwnedBatch batch(config.events, steps, model.many_to_one() ? 1 : steps);
  batch.add_row(inputs, {});
  AnyDevice device = Cpu{1};
  Arena arena(device);
  Tape tape = Tape::inference(device, arena);
  const Layout layout = config.architecture == Architecture::transformer ? Layout::batch_major : Layout::time_major;
  const Arranged arranged = arrange(tape, config.events, batch.view(), {0, 1}, layout);
  const Tensor logits = model.logits(tape, arranged).value();
  const auto* values = static_cast<const float*>(logits.data);
  return {values, values + logits.shape.size()};
}

std::vector<float> advance(Decoder& decoder, const EventShape& shape, const Event& event) {
  const View<const float, 2> logits = decoder.advance(StreamEvents(shape, {&event, 1}).rows());
  return {logits.data(), logits.data() + logits.size()};
}

bool ModelCase::added_positions() const {
  return config.architecture == Architecture::transformer &&
         (config.position == PositionEncoding::sinusoidal || config.position == PositionEncoding::learned);
}

std::vector<ModelCase> model_cases() {
  return model_cases([](const ModelConfig&) { return true; });
}

std::vector<ModelCase> model_cases(bool (*chosen)(const ModelConfig&)) {
  const std::pair<std::string, EventShape> kinds[] = {{"tokens", token_events(11)},
                                                      {"frames", frame_events(9, 4)},
                                                      {"rolls", frame_events(9, 0)},
                                                      {"chains", frame_events(9, 4)}};
  std::vector<ModelCase> cases;
  for (const auto& [kind, events] : kinds) {
    ModelConfig config;
    config.events = events;
    config.hidden = 16;
    config.layers = 2;
    config.sequence = 9;
    config.heads = 2;
    config.head = kind == "chains" ? Head::autoregressive : Head::bernoulli;
    config.head_hidden = 7;
    const auto add = [&](std::string_view name) {
      const std::string full = std::string(name) + "_" + kind;
      if (chosen(config)) cases.push_back({full, config, kNaiveBf16.at(full)});
    };
    for (const Architecture architecture :
         {Architecture::rnn, Architecture::lstm, Architecture::gru, Architecture::bilstm, Architecture::slstm}) {
      config.architecture = architecture;
      add(name_of(architecture));
    }
    config.architecture = Architecture::transformer;
    for (const PositionEncoding position : {PositionEncoding::sinusoidal, PositionEncoding::learned,
                                            PositionEncoding::rotary, PositionEncoding::relative}) {
      config.position = position;
      add(name_of(position));
    }
  }
  return cases;
}

std::ostream& operator<<(std::ostream& out, const ModelCase& c) {
  return out << c.name;
}

}  // namespace polonaise::testing
