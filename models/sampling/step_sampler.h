#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/sampling/decoders.h"
#include "models/sampling/placed_grammar.h"
#include "models/sampling/sampler.h"
#include "runtime/device/memory.h"

namespace polonaise {

// The token (or duration class) that one stream drew last and, with a grammar, the state that it led to, in the memory
// of the model's device.
class DrawnRow {
 public:
  DrawnRow(AnyDevice& device, const EventShape& events, const EventGrammar* grammar, const EventsView& opening);

  // Sets the grammar's state to where the opening leaves it.
  void start(const EventsView& opening);

  bool has_grammar() const { return grammar_.has_value(); }
  const kernels::Grammar& grammar() const { return grammar_->view(); }

  // Returns the grammar's mask of the next draw, [1, V], on the device; empty without a grammar or a vocabulary.
  View<std::uint8_t, 2> mask();
  // Returns that mask with the host's veto applied.
  View<std::uint8_t, 2> mask(Veto& veto);
  // Draws from what is allowed; -1 where nothing is.
  std::int32_t draw(View<const float, 2> logits, View<const std::uint8_t, 2> allowed, const kernels::SamplingOptions&,
                    const kernels::RandomStream&, Index row, std::uint32_t position);

  // Moves the grammar on by the token drawn last, or by a given one.
  void take();
  void take(std::int32_t given);
  bool ended() const { return grammar_ && head()[kernels::GrammarState::kEnded] != 0; }
  // Whether one more frame without a length fits before the grammar's end.
  bool frame_fits() const;

 private:
  View<std::int32_t, 1> token() const { return {numbers_.as<std::int32_t>(), {1}}; }
  View<std::uint8_t, 2> allowed() const { return {allowed_.as<std::uint8_t>(), {1, outputs_}}; }
  OnHost<std::int32_t, 1> head() const {
    return {device_, View<std::int32_t, 1>(state_.data(), {kernels::GrammarState::kCounters})};
  }

  AnyDevice& device_;
  Index outputs_;
  std::optional<PlacedGrammar> grammar_;
  Buffer numbers_, allowed_;
  View<std::int32_t, 2> state_;
};

// Draws one stream event by event, each from what the decoder made of the one before, and asks the veto, if there is
// one. Its arguments must outlive it.
class StepSampler final : public Sampler {
 public:
  StepSampler(AnyDevice& device, const Model& model, Decoder& decoder, const GenerateOptions& options,
              const EventsView& opening);

  void start(Index first, View<const float, 2> logits) override;
  Index events_at_once() const override { return 1; }
  bool draw(Index done, Index count, std::span<Generated> drawn) override;
  bool ended(Index) const override { return row_.ended(); }

 private:
  struct Frame {
    std::vector<std::uint8_t> keys;  // ascending
    std::int32_t length = -1;        // its class, -1 where frames have none
  };

  kernels::RandomStream random(Index step, std::uint32_t op) const {
    return {options_.seed, static_cast<std::uint32_t>(step), op};
  }
  // Add event `step`; false where nothing may follow.
  bool draw_token(Index step, Events& result);
  bool draw_frame(Index step, Events& result);
  // The keys of one frame.
  std::vector<std::uint8_t> draw_keys(const kernels::RandomStream&, std::uint32_t position);
  // A frame that is not forbidden, near to one that is (GenerateOptions::veto); false where there is none.
  bool make_other(const Frame& first, View<const float, 2> lengths, View<const std::uint8_t, 2> allowed,
                  View<const float, 2> key_logits, Frame& other);

  AnyDevice& device_;
  const Model& model_;
  Decoder& decoder_;
  const EventShape& events_;
  const GenerateOptions& options_;
  EventsView opening_;
  Index stream_ = 0;
  View<const float, 2> logits_;  // of the next event
  EventBuffer last_;
  std::unique_ptr<Veto> veto_;
  DrawnRow row_;
  Buffer keys_;
  View<const std::uint8_t, 2> allowed_keys_;  // or empty
  int max_keys_ = 0;
};

}  // namespace polonaise
