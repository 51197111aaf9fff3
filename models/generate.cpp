#include "models/generate.h"

#include "models/drawing.h"

namespace polonaise {

namespace {

// One event in the form that a decoder reads.
class EventBuffer {
 public:
  explicit EventBuffer(const EventShape& events) : events_(events) {
    columns_.reserve(static_cast<std::size_t>(events.width) + 1);  // never empty memory: a view of it is not "none"
    values_.reserve(columns_.capacity());
  }

  EventRows start() { return events_.tokens ? token(static_cast<std::int32_t>(events_.vocabulary)) : frame(); }

  EventRows of(const Sequence& sequence, Index i) {
    const auto at = static_cast<std::size_t>(i);
    if (events_.tokens) return token(sequence.tokens[at]);
    columns_.assign(sequence.columns.begin() + sequence.offsets[at],
                    sequence.columns.begin() + sequence.offsets[at + 1]);
    values_.assign(sequence.values.begin() + sequence.offsets[at], sequence.values.begin() + sequence.offsets[at + 1]);
    return sparse();
  }

  EventRows token(std::int32_t id) {
    id_ = id;
    return {View<const std::int32_t, 1>(&id_, {1}), {}};
  }

  // The event that was drawn last.
  EventRows last_of(const Generated& drawn) {
    if (events_.tokens) return token(drawn.tokens.back());
    const std::span<const std::int32_t> keys(drawn.keys);
    const auto first = static_cast<std::size_t>(drawn.offsets[drawn.offsets.size() - 2]);
    return frame(keys.subspan(first), drawn.classes.empty() ? -1 : drawn.classes.back());
  }

  // Keys of a drawn frame; `duration` is its class, -1 where frames have no length.
  EventRows frame(std::span<const std::int32_t> keys = {}, std::int32_t duration = -1) {
    columns_.assign(keys.begin(), keys.end());
    values_.assign(keys.size(), 1.0f);
    if (duration >= 0) {
      columns_.push_back(static_cast<std::int32_t>(events_.width - 1));
      values_.push_back(events_.duration_values[static_cast<std::size_t>(duration)]);
    }
    return sparse();
  }

 private:
  EventRows sparse() {
    const auto n = static_cast<Index>(columns_.size());
    offsets_[1] = static_cast<std::int32_t>(n);
    return {{}, {{offsets_, {2}}, {columns_.data(), {n}}, {values_.data(), {n}}}};
  }

  const EventShape& events_;
  std::int32_t id_ = 0;
  std::int32_t offsets_[2] = {0, 0};
  std::vector<std::int32_t> columns_;
  std::vector<float> values_;
};

void check(const EventShape& events, const Sequence& prime) {
  require(events.tokens || prime.tokens.empty(), "this model reads frames, the prime has tokens");
  require(!events.tokens || prime.offsets.size() == 1, "this model reads tokens, the prime has frames");
  for (const std::int32_t token : prime.tokens)
    require(token >= 0 && token < events.vocabulary, "a token of the prime is out of range");
  for (const std::int32_t column : prime.columns)
    require(column >= 0 && column < events.width, "a key of the prime is out of range");
}

}  // namespace

Generated generate(const Model& model, const Sequence& prime, const GenerateOptions& options,
                   const std::function<bool(Index)>& progress) {
  const EventShape& events = model.config().events;
  check(events, prime);
  AnyDevice device = one_shard(model.parameters().device());
  const std::unique_ptr<Decoder> decoder = model.decoder(1);
  EventBuffer event(events);
  View<const float, 2> logits = decoder->advance(event.start());
  for (Index i = 0; i < prime.size(); ++i) logits = decoder->advance(event.of(prime, i));

  Drawing drawing(device, model, options);
  drawing.take_opening(prime);
  Generated result;
  for (Index step = 0; step < options.steps; ++step) {
    if (drawing.ended()) {
      result.ending = Ending::grammar;
      break;
    }
    if (!drawing.draw(logits, step, result)) {
      result.ending = Ending::nothing_allowed;
      break;
    }
    if (progress && !progress(step + 1)) {
      result.ending = Ending::stopped;
      break;
    }
    if (step + 1 < options.steps) logits = decoder->advance(event.last_of(result));
  }
  if (drawing.ended()) result.ending = Ending::grammar;
  return result;
}

}  // namespace polonaise
