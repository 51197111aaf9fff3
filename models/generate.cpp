#include "models/generate.h"

#include <algorithm>

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

  Generated result;
  const Buffer drawn_token(device, sizeof(std::int32_t)), drawn_keys(device, static_cast<std::size_t>(events.keys));
  const auto draw_token = [&](View<const float, 2> from, const kernels::RandomStream& stream) {
    const View<std::int32_t, 1> token(drawn_token.as<std::int32_t>(), {1});
    std::visit(
        [&](auto& d) { kernels::sample_tokens(d, from, {}, options.sampling, stream, options.stream, 0, token); },
        device);
    return OnHost<std::int32_t, 1>(device, token)[0];
  };
  for (Index step = 0; step < options.steps; ++step) {
    const kernels::RandomStream stream{options.seed, static_cast<std::uint32_t>(step), 0};
    EventRows drawn;
    if (events.tokens) {
      result.tokens.push_back(draw_token(logits, stream));
      drawn = event.token(result.tokens.back());
    } else {
      const View<std::uint8_t, 2> keys(drawn_keys.as<std::uint8_t>(), {1, events.keys});
      model.sample_keys(device, logits, {}, options.sampling, stream, options.stream, 0, keys);
      const OnHost<std::uint8_t, 2> sounding(device, keys);
      for (Index key = 0; key < events.keys; ++key)
        if (sounding[key]) result.keys.push_back(static_cast<std::int32_t>(key));
      std::int32_t duration = -1;
      if (events.duration_classes() > 0) {
        kernels::RandomStream duration_stream = stream;
        duration_stream.op = 1;
        duration = draw_token(logits.column_block(events.keys, events.duration_classes()), duration_stream);
        result.classes.push_back(duration);
      }
      drawn = event.frame(std::span(result.keys).subspan(static_cast<std::size_t>(result.offsets.back())), duration);
      result.offsets.push_back(static_cast<std::int32_t>(result.keys.size()));
    }
    if (progress && !progress(step + 1)) break;
    if (step + 1 < options.steps) logits = decoder->advance(drawn);
  }
  return result;
}

}  // namespace polonaise
