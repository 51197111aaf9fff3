#pragma once

#include <optional>

#include "models/sampling/placed_grammar.h"
#include "models/sampling/sampler.h"
#include "runtime/device/memory.h"

namespace polonaise {

// Draws the streams of a decoder whose kernels go on by themselves (Decoder::generates), all at once and many events in
// one launch. Its arguments must outlive it.
class LaunchSampler final : public Sampler {
 public:
  LaunchSampler(AnyDevice&, Decoder&, const EventShape&, const GenerateOptions&, const EventsView& prime,
                Index streams);

  const kernels::Grammar* grammar() const { return grammar_ ? &grammar_->view() : nullptr; }

  void start(Index first, View<const float, 2> logits) override;
  Index events_at_once() const override { return most_; }
  bool draw(Index done, Index count, std::span<Generated> drawn) override;
  bool ended(Index stream) const override;

 private:
  template <class T>
  std::size_t bytes(Index of_a_stream) const {
    return static_cast<std::size_t>(streams_ * of_a_stream) * sizeof(T);
  }
  bool has_tokens() const { return events_.drawn_classes() > 0; }
  View<std::int32_t, 2> tokens(Index count) const { return {tokens_.as<std::int32_t>(), {streams_, count}}; }
  View<std::uint8_t, 3> keys(Index count) const { return {keys_.as<std::uint8_t>(), {streams_, count, events_.keys}}; }
  bool append(Index count, std::span<Generated> drawn) const;

  AnyDevice& device_;
  Decoder& decoder_;
  const EventShape& events_;
  const GenerateOptions& options_;
  EventsView prime_;
  Index streams_, most_, first_ = 0;
  Buffer tokens_, keys_, drawn_, state_memory_;
  std::optional<PlacedGrammar> grammar_;
  View<std::int32_t, 2> state_;
};

}  // namespace polonaise
