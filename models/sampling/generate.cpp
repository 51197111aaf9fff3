#include "models/sampling/generate.h"

#include <algorithm>
#include <memory>
#include <span>
#include <utility>

#include "models/sampling/decoders.h"
#include "models/sampling/launch_sampler.h"
#include "models/sampling/step_sampler.h"

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

// Reads the start event and the prime into all of the decoder's streams.
View<const float, 2> read_prime(Decoder& decoder, const EventShape& events, const EventsView& prime, Index streams) {
  EventBuffer event(events, streams);
  View<const float, 2> logits = decoder.advance(event.start());
  for (Index i = 0; i < prime.size(); ++i) logits = decoder.advance(event.of(prime, i));
  return logits;
}

// Draws up to options.steps events of each stream. `before`: events of streams before them, which `progress` counts too.
void draw_streams(Sampler& sampler, const GenerateOptions& options, std::span<Generated> results, Index before,
                  const std::function<bool(Index)>& progress) {
  bool going = true, stopped = false;
  Index done = 0;
  while (going && !stopped && done < options.steps) {
    const Index count = std::min(sampler.events_at_once(), options.steps - done);
    going = sampler.draw(done, count, results);
    done += count;
    Index drawn = before;
    for (const Generated& result : results) drawn += result.size();
    stopped = progress && !progress(drawn);
  }
  for (std::size_t b = 0; b < results.size(); ++b) {
    if (sampler.ended(static_cast<Index>(b)))
      results[b].ending = Ending::grammar;
    else if (results[b].size() < done)
      results[b].ending = Ending::nothing_allowed;
    else if (stopped)
      results[b].ending = Ending::stopped;
  }
}

}  // namespace

std::vector<Generated> generate_streams(const Model& model, const EventsView& prime, const GenerateOptions& options,
                                        Index streams, const std::function<bool(Index)>& progress) {
  const EventShape& events = model.config().events;
  check(events, prime);
  AnyDevice device = one_shard(model.parameters().device());
  std::vector<Generated> results(static_cast<std::size_t>(streams), Generated{.events = Events(events.kind)});
  if (streams == 0) return results;
  // Streams that the decoder's kernels draw by themselves, where they do: none under a veto.
  const auto launches = [&](Decoder& decoder, Index together) -> std::unique_ptr<Sampler> {
    if (options.veto) return nullptr;
    auto sampler = std::make_unique<LaunchSampler>(device, decoder, events, options, prime, together);
    if (!decoder.generates(sampler->grammar())) return nullptr;
    return sampler;
  };
  if (!options.veto && model.carries_state()) {  // others have no kernels for several streams
    const std::unique_ptr<Decoder> decoder = model.decoder(streams);
    if (const auto sampler = launches(*decoder, streams)) {
      sampler->start(options.stream, read_prime(*decoder, events, prime, streams));
      draw_streams(*sampler, options, results, 0, progress);
      return results;
    }
  }
  // One after the other.
  const std::unique_ptr<Decoder> decoder = model.decoder(1);
  std::unique_ptr<Sampler> sampler = launches(*decoder, 1);
  if (!sampler) sampler = std::make_unique<StepSampler>(device, model, *decoder, options, prime);
  Index before = 0, stream = options.stream;
  for (Generated& result : results) {
    sampler->start(stream++, read_prime(*decoder, events, prime, 1));
    draw_streams(*sampler, options, {&result, 1}, before, progress);
    if (result.ending == Ending::stopped) break;
    before += result.size();
    decoder->reset();
  }
  return results;
}

Generated generate(const Model& model, const EventsView& prime, const GenerateOptions& options,
                   const std::function<bool(Index)>& progress) {
  return std::move(generate_streams(model, prime, options, 1, progress).front());
}

}  // namespace polonaise
