#include "models/generate.h"

#include <algorithm>
#include <optional>

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

// One row of numbers on the model's device: the token drawn last and, with a grammar, the state that it led to.
class DrawnRow {
 public:
  DrawnRow(AnyDevice& device, const EventShape& events, const GrammarArrays* arrays) : device_(device) {
    Index numbers = 1;
    if (arrays) {
      const Index outputs = events.tokens ? events.vocabulary : events.duration_classes();
      require(arrays->vocabulary == outputs, "the grammar is not one of the model's events");
      require(arrays->key_drawable.empty() || static_cast<Index>(arrays->key_drawable.size()) == events.keys,
              "the grammar's keys are not the model's");
      grammar_.emplace(device, *arrays);
      numbers += kernels::grammar_state_size(grammar());
      allowed_ = Buffer(device, static_cast<std::size_t>(outputs));
    }
    numbers_ = Buffer(device, static_cast<std::size_t>(numbers) * sizeof(std::int32_t));
    state_ = {numbers_.as<std::int32_t>() + 1, {1, numbers - 1}};
    if (grammar_) std::visit([&](auto& d) { kernels::grammar_start(d, grammar(), state_); }, device_);
  }

  bool has_grammar() const { return grammar_.has_value(); }
  const kernels::Grammar& grammar() const { return grammar_->view(); }

  // What may be drawn now, [1, V], on the device; empty without a grammar or a vocabulary.
  View<std::uint8_t, 2> mask() {
    if (!grammar_ || grammar().vocabulary() == 0) return {};
    const View<std::uint8_t, 2> allowed(allowed_.as<std::uint8_t>(), {1, grammar().vocabulary()});
    std::visit([&](auto& d) { kernels::grammar_mask(d, grammar(), state_, allowed); }, device_);
    return allowed;
  }

  // A token, or a duration class, from what is allowed; -1 where nothing is.
  std::int32_t draw(View<const float, 2> logits, View<const std::uint8_t, 2> allowed,
                    const kernels::SamplingOptions& sampling, const kernels::RandomStream& stream, Index row) {
    if (!allowed.empty() && shares_host_memory(device_) &&
        std::none_of(allowed.data(), allowed.data() + allowed.size(), [](std::uint8_t a) { return a != 0; }))
      return -1;  // which the CPU's kernel refuses
    std::visit([&](auto& d) { kernels::sample_tokens(d, logits, allowed, sampling, stream, row, 0, token()); },
               device_);
    return OnHost<std::int32_t, 1>(device_, token())[0];
  }

  // Moves the grammar on by the token drawn last.
  void take() {
    if (!grammar_) return;
    const bool has_tokens = grammar().vocabulary() > 0;
    std::visit(
        [&](auto& d) { kernels::grammar_take(d, grammar(), has_tokens ? token() : View<std::int32_t, 1>(), state_); },
        device_);
  }
  void take(std::int32_t given) {
    if (!grammar_) return;
    copy_to_device(device_, token().data(), &given, sizeof(given));
    take();
  }

  bool ended() const { return grammar_ && head()[kernels::GrammarState::kEnded] != 0; }
  // Of frames without a length: whether one more fits.
  bool frame_fits() const {
    if (!grammar_ || grammar().end < 0 || grammar().vocabulary() > 0) return true;
    return head()[kernels::GrammarState::kClock] + std::int64_t{grammar().frame_ticks} <= grammar().end;
  }

 private:
  View<std::int32_t, 1> token() const { return {numbers_.as<std::int32_t>(), {1}}; }
  OnHost<std::int32_t, 1> head() const {
    return {device_, View<std::int32_t, 1>(state_.data(), {kernels::GrammarState::kCounters})};
  }

  AnyDevice& device_;
  std::optional<PlacedGrammar> grammar_;
  Buffer numbers_, allowed_;
  View<std::int32_t, 2> state_;
};

// Draws one stream's events, as a model predicts them, into the result.
class Drawing {
 public:
  Drawing(AnyDevice& device, const EventShape& events, const GenerateOptions& options)
      : device_(device),
        events_(events),
        options_(options),
        row_(device, events, options.grammar),
        keys_(device, static_cast<std::size_t>(events.keys)) {}

  void take_opening(const Sequence& prime) {
    for (const std::int32_t token : prime.tokens) row_.take(token);
  }
  bool ended() const { return row_.ended(); }

  // Draws event `step`; false where nothing may follow.
  bool draw(View<const float, 2> logits, Index step, Generated& result) {
    return events_.tokens ? draw_token(logits, step, result) : draw_frame(logits, step, result);
  }

 private:
  kernels::RandomStream random(Index step, std::uint32_t op) const {
    return {options_.seed, static_cast<std::uint32_t>(step), op};
  }

  bool draw_token(View<const float, 2> logits, Index step, Generated& result) {
    const std::int32_t token = row_.draw(logits, row_.mask(), options_.sampling, random(step, 0), options_.stream);
    if (token < 0) return false;
    result.tokens.push_back(token);
    row_.take();
    return true;
  }

  bool draw_frame(View<const float, 2> logits, Index step, Generated& result) {
    if (!row_.frame_fits()) return false;
    if (events_.duration_classes() > 0) {
      const View<const float, 2> lengths = logits.column_block(events_.keys, events_.duration_classes());
      const std::int32_t drawn = row_.draw(lengths, row_.mask(), options_.sampling, random(step, 1), options_.stream);
      if (drawn < 0) return false;
      result.classes.push_back(drawn);
    }
    draw_keys(logits.column_block(0, events_.keys), random(step, 0), result.keys);
    result.offsets.push_back(static_cast<std::int32_t>(result.keys.size()));
    row_.take();
    return true;
  }

  // Adds the keys of one frame, ascending.
  void draw_keys(View<const float, 2> logits, const kernels::RandomStream& stream, std::vector<std::int32_t>& keys) {
    kernels::SamplingOptions sampling = options_.sampling;
    View<const std::uint8_t, 2> allowed;
    if (row_.has_grammar()) {
      sampling.max_keys = row_.grammar().max_keys;
      if (!row_.grammar().key_drawable.empty()) allowed = {row_.grammar().key_drawable.data(), {1, events_.keys}};
    }
    const View<std::uint8_t, 2> drawn(keys_.as<std::uint8_t>(), {1, events_.keys});
    std::visit([&](auto& d) { kernels::sample_keys(d, logits, allowed, sampling, stream, options_.stream, 0, drawn); },
               device_);
    const OnHost<std::uint8_t, 2> sounding(device_, drawn);
    for (Index key = 0; key < events_.keys; ++key)
      if (sounding[key]) keys.push_back(static_cast<std::int32_t>(key));
  }

  AnyDevice& device_;
  const EventShape& events_;
  const GenerateOptions& options_;
  DrawnRow row_;
  Buffer keys_;
};

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

  Drawing drawing(device, events, options);
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
