#include "models/sampling/launch_sampler.h"

#include <algorithm>
#include <vector>

namespace polonaise {

namespace {

// Returns how many events of each stream are drawn in one call.
Index events_of_a_launch(const AnyDevice& device, const GenerateOptions& options, Index streams) {
  constexpr Index kOnCpu = 256, kOnACard = 4096, kOfAllStreams = kOnACard * 256;
  const Index own = shares_host_memory(device) ? kOnCpu : std::clamp<Index>(kOfAllStreams / streams, 1, kOnACard);
  return std::clamp<Index>(options.events_per_launch > 0 ? options.events_per_launch : own, 1,
                           std::max<Index>(1, options.steps));
}

}  // namespace

LaunchSampler::LaunchSampler(AnyDevice& device, Decoder& decoder, const EventShape& events,
                             const GenerateOptions& options, const EventsView& prime, Index streams)
    : device_(device),
      decoder_(decoder),
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

void LaunchSampler::start(Index first, View<const float, 2> /*the decoder has them*/) {
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

bool LaunchSampler::draw(Index done, Index count, std::span<Generated> drawn) {
  kernels::GenerationDraws draws{.events = count,
                                 .grammar = grammar(),
                                 .sampling = options_.sampling,
                                 .stream = {options_.seed, static_cast<std::uint32_t>(done), 0},
                                 .first_row = first_,
                                 .drawn = {drawn_.as<std::int32_t>(), {streams_}}};
  if (has_tokens()) draws.tokens = tokens(count);
  if (!events_.is_tokens()) draws.keys = keys(count);
  decoder_.generate(draws, state_);
  return append(count, drawn);
}

// Adds what was drawn; false where all streams have stopped.
bool LaunchSampler::append(Index count, std::span<Generated> drawn) const {
  const OnHost<std::int32_t, 1> counts(device_, View<const std::int32_t, 1>(drawn_.as<std::int32_t>(), {streams_}));
  const OnHost<std::int32_t, 2> of_tokens(device_, has_tokens() ? tokens(count) : View<std::int32_t, 2>());
  const OnHost<std::uint8_t, 3> of_keys(device_, events_.is_tokens() ? View<std::uint8_t, 3>() : keys(count));
  std::vector<std::uint8_t> sounding;
  bool going = false;
  for (Index b = 0; b < streams_; ++b) {
    Generated& result = drawn[static_cast<std::size_t>(b)];
    going = going || counts[b] == count;
    for (Index s = 0; s < counts[b]; ++s) {
      const Index event = b * count + s;
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

bool LaunchSampler::ended(Index stream) const {
  if (!grammar_) return false;
  std::int32_t ended = 0;
  copy_to_host(device_, &ended, state_.row(stream) + kernels::GrammarState::kEnded, sizeof ended);
  return ended != 0;
}

}  // namespace polonaise
