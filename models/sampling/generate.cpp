#include "models/sampling/generate.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "models/sampling/decoders.h"
#include "models/sampling/drawing.h"
#include "models/sampling/placed_grammar.h"

namespace polonaise {

namespace {

void check(const EventShape& events, const EventsView& prime) {
  if (prime.empty()) return;
  require(prime.kind == events.kind, "this model reads other events than the prime's");
  require(prime.quarters.empty() != events.has_durations() || events.is_tokens(),
          "frames of the prime have lengths, and the model's have none, or the other way round");
  for (const std::uint16_t token : prime.tokens)
    require(token < events.vocabulary, "a token of the prime is out of range");
  for (Index i = 0; i < prime.size() && !events.is_tokens(); ++i)
    for (const std::uint8_t key : prime.frame(i)) require(key < events.keys, "a key of the prime is out of range");
}

// Events of each stream that are drawn in one call.
Index events_of_a_launch(const AnyDevice& device, const GenerateOptions& options, Index streams) {
  constexpr Index kOnCpu = 256, kOnACard = 4096, kOfAllStreams = kOnACard * 256;
  const Index own = shares_host_memory(device) ? kOnCpu : std::clamp<Index>(kOfAllStreams / streams, 1, kOnACard);
  return std::clamp<Index>(options.events_per_launch > 0 ? options.events_per_launch : own, 1,
                           std::max<Index>(1, options.steps));
}

// Streams that the decoder draws by itself, all at once.
class Launches {
 public:
  Launches(AnyDevice& device, const EventShape& events, const GenerateOptions& options, const EventsView& prime,
           Index streams)
      : device_(device),
        events_(events),
        options_(options),
        prime_(prime),
        streams_(streams),
        most_(events_of_a_launch(device, options, streams)),
        tokens_(device, bytes<std::int32_t>(most_)),
        keys_(device, bytes<std::uint8_t>(most_ * events.keys)),
        drawn_(device, bytes<std::int32_t>(1)) {
    if (!options.grammar) return;
    check_grammar(*options.grammar, events);
    grammar_.emplace(device, *options.grammar, prime);
    const Index size = kernels::grammar_state_size(grammar_->view());
    state_memory_ = Buffer(device, bytes<std::int32_t>(size));
    state_ = {state_memory_.as<std::int32_t>(), {streams, size}};
  }

  const kernels::Grammar* grammar() const { return grammar_ ? &grammar_->view() : nullptr; }

  // Makes the streams `first` and those that follow it, after the prime.
  void start(Index first) {
    first_ = first;
    if (!grammar_) return;
    std::visit([&](auto& d) { kernels::grammar_start(d, grammar_->view(), state_); }, device_);
    const View<std::int32_t, 1> taken(drawn_.as<std::int32_t>(), {streams_});
    for (const std::uint16_t token : prime_.tokens) {
      const std::vector<std::int32_t> same(static_cast<std::size_t>(streams_), token);
      copy_to_device(device_, taken.data(), same.data(), drawn_.bytes());
      std::visit([&](auto& d) { kernels::grammar_take(d, grammar_->view(), taken, state_); }, device_);
    }
  }

  // `before`: events of streams before them.
  void run(Decoder& decoder, std::span<Generated> results, Index before, const std::function<bool(Index)>& progress) {
    bool going = true, stopped = false;
    Index done = 0;
    while (going && !stopped && done < options_.steps) {
      const Index n = std::min(most_, options_.steps - done);
      launch(decoder, done, n);
      going = append(n, results);
      done += n;
      Index drawn = before;
      for (const Generated& result : results) drawn += result.size();
      stopped = progress && !progress(drawn);
    }
    for (std::size_t b = 0; b < results.size(); ++b) {
      if (ended(static_cast<Index>(b)))
        results[b].ending = Ending::grammar;
      else if (results[b].size() < done)
        results[b].ending = Ending::nothing_allowed;
      else if (stopped)
        results[b].ending = Ending::stopped;
    }
  }

 private:
  template <class T>
  std::size_t bytes(Index of_a_stream) const {
    return static_cast<std::size_t>(streams_ * of_a_stream) * sizeof(T);
  }
  bool has_tokens() const { return events_.drawn_classes() > 0; }
  View<std::int32_t, 2> tokens(Index n) const { return {tokens_.as<std::int32_t>(), {streams_, n}}; }
  View<std::uint8_t, 3> keys(Index n) const { return {keys_.as<std::uint8_t>(), {streams_, n, events_.keys}}; }

  void launch(Decoder& decoder, Index done, Index n) {
    kernels::GenerationDraws draws{.events = n,
                                   .grammar = grammar(),
                                   .sampling = options_.sampling,
                                   .stream = {options_.seed, static_cast<std::uint32_t>(done), 0},
                                   .first_row = first_,
                                   .drawn = {drawn_.as<std::int32_t>(), {streams_}}};
    if (has_tokens()) draws.tokens = tokens(n);
    if (!events_.is_tokens()) draws.keys = keys(n);
    decoder.generate(draws, state_);
  }

  // Adds what was drawn; false where all streams have stopped.
  bool append(Index n, std::span<Generated> results) {
    const OnHost<std::int32_t, 1> drawn(device_, View<const std::int32_t, 1>(drawn_.as<std::int32_t>(), {streams_}));
    const OnHost<std::int32_t, 2> of_tokens(device_, has_tokens() ? tokens(n) : View<std::int32_t, 2>());
    const OnHost<std::uint8_t, 3> of_keys(device_, events_.is_tokens() ? View<std::uint8_t, 3>() : keys(n));
    std::vector<std::uint8_t> sounding;
    bool going = false;
    for (Index b = 0; b < streams_; ++b) {
      Generated& result = results[static_cast<std::size_t>(b)];
      going = going || drawn[b] == n;
      for (Index s = 0; s < drawn[b]; ++s) {
        const Index event = b * n + s;
        if (events_.is_tokens()) {
          result.events.push_token(of_tokens[event]);
          continue;
        }
        sounding.clear();
        kernels::append_nonzero(of_keys.view().row(event), events_.keys, sounding);
        if (events_.has_durations())
          result.events.push_frame(sounding, class_quarters(of_tokens[event]));
        else
          result.events.push_frame(sounding);
      }
    }
    return going;
  }

  bool ended(Index stream) const {
    if (!grammar_) return false;
    std::int32_t ended = 0;
    copy_to_host(device_, &ended, state_.row(stream) + kernels::GrammarState::kEnded, sizeof ended);
    return ended != 0;
  }

  AnyDevice& device_;
  const EventShape& events_;
  const GenerateOptions& options_;
  const EventsView& prime_;
  Index streams_, most_, first_ = 0;
  Buffer tokens_, keys_, drawn_, state_memory_;
  std::optional<PlacedGrammar> grammar_;
  View<std::int32_t, 2> state_;
};

// One stream, event by event. `before`: events of streams before it.
Generated step_by_step(AnyDevice& device, const Model& model, Decoder& decoder, View<const float, 2> logits,
                       const EventsView& prime, const GenerateOptions& options, Index before,
                       const std::function<bool(Index)>& progress) {
  EventBuffer event(model.config().events, 1);
  Drawing drawing(device, model, options, prime);
  Generated result{.events = Events(model.config().events.kind)};
  for (Index step = 0; step < options.steps; ++step) {
    if (drawing.ended()) break;
    if (!drawing.draw(logits, step, result.events)) {
      result.ending = Ending::nothing_allowed;
      break;
    }
    if (progress && !progress(before + step + 1)) {
      result.ending = Ending::stopped;
      break;
    }
    if (step + 1 < options.steps) logits = decoder.advance(event.of(result.events.view(), step));
  }
  if (drawing.ended()) result.ending = Ending::grammar;
  return result;
}

// Reads the start event and the prime into all of the decoder's streams.
View<const float, 2> read_prime(Decoder& decoder, const EventShape& events, const EventsView& prime, Index streams) {
  EventBuffer event(events, streams);
  View<const float, 2> logits = decoder.advance(event.start());
  for (Index i = 0; i < prime.size(); ++i) logits = decoder.advance(event.of(prime, i));
  return logits;
}

}  // namespace

std::vector<Generated> generate_streams(const Model& model, const EventsView& prime, const GenerateOptions& options,
                                        Index streams, const std::function<bool(Index)>& progress) {
  const EventShape& events = model.config().events;
  check(events, prime);
  AnyDevice device = one_shard(model.parameters().device());
  std::vector<Generated> results(static_cast<std::size_t>(streams), Generated{.events = Events(events.kind)});
  if (streams == 0) return results;
  if (!options.veto && model.carries_state()) {  // others have no kernels for several streams
    const std::unique_ptr<Decoder> decoder = model.decoder(streams);
    Launches launches(device, events, options, prime, streams);
    if (decoder->generates(launches.grammar())) {
      read_prime(*decoder, events, prime, streams);
      launches.start(options.stream);
      launches.run(*decoder, results, 0, progress);
      return results;
    }
  }
  // One after the other.
  const std::unique_ptr<Decoder> decoder = model.decoder(1);
  std::optional<Launches> launches;
  if (!options.veto) {
    launches.emplace(device, events, options, prime, 1);
    if (!decoder->generates(launches->grammar())) launches.reset();
  }
  GenerateOptions one = options;
  Index before = 0;
  for (Generated& result : results) {
    const View<const float, 2> logits = read_prime(*decoder, events, prime, 1);
    if (launches) {
      launches->start(one.stream);
      launches->run(*decoder, {&result, 1}, before, progress);
    } else {
      result = step_by_step(device, model, *decoder, logits, prime, one, before, progress);
    }
    if (result.ending == Ending::stopped) break;
    before += result.size();
    ++one.stream;
    decoder->reset();
  }
  return results;
}

Generated generate(const Model& model, const EventsView& prime, const GenerateOptions& options,
                   const std::function<bool(Index)>& progress) {
  return std::move(generate_streams(model, prime, options, 1, progress).front());
}

}  // namespace polonaise
