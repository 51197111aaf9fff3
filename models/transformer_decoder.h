#pragma once

#include <vector>

#include "models/sampling/decoders.h"
#include "models/sampling/event_loop.h"
#include "models/transformer.h"

namespace polonaise {

// Holds the keys and values of the events so far in rings of `sequence` entries. Rotary and relative positions drop the
// oldest entry; added positions end with the table, so the newest half of the context is then encoded again from
// position 0, several events at once.
//
// A single stream goes on by itself (EventLoop). More than one would meet in the products of matrices, whose sums are
// not the same for any number of rows.
class TransformerDecoder final : public Decoder {
 public:
  TransformerDecoder(const Transformer& model, Index rows);

  View<const float, 2> advance(const EventRows& events) override;
  void reset() override;

  bool generates(const kernels::Grammar*) override { return rows_ == 1; }
  void generate(const kernels::GenerationDraws&, View<std::int32_t, 2> state) override;

  // Events whose work was a replayed record.
  std::size_t replays() const { return loop_ ? loop_->replays() : 0; }

 private:
  Index cache_size() const { return rows_ * model_.config_.sequence * model_.config_.hidden; }
  View<float, 2> logits() const { return {logits_.as<float>(), {rows_, model_.config_.outputs()}}; }

  // Encodes the newest half of the history again, where added positions end.
  void start_over();
  // Runs the next `count` <= at_once_ events through all layers, event(i) being the i-th, called once each, in order;
  // returns the features of the last event after the last norm [rows, C].
  template <class Event>
  View<const float, 2> encode(Index count, Event&& event);
  // Embeds one event of each stream, in the device's memory; `position` is a row of added positions, or empty.
  template <class Device>
  void embed(Device&, const EventRows&, View<const float, 2> position, View<float, 2> x);
  // Runs embedded events through all layers, place(i) being the position of event i, angles(i) its rotary angles [1,
  // D].
  template <class Device, class Place, class Angles>
  View<const float, 2> layers(Device&, Index count, Place&& place, Angles&& angles);

  // Reads the event that the loop has drawn, and predicts the next.
  void read_drawn();
  // Puts events [from, to) of those drawn into the history; false where the stream had stopped before.
  bool remember(const kernels::GenerationDraws&, Index from, Index to);

  // Rows of scratch are event-major.
  View<float, 2> scratch(std::size_t i, Index count) const;

  const Transformer& model_;
  Index rows_;
  AnyDevice device_;
  EventUpload upload_;
  History history_;
  Index position_ = 0;
  Index angles_position_ = -1;
  Index at_once_ = 1;
  Buffer cache_, statistics_, angles_, logits_;
  std::vector<Buffer> scratch_;
  std::unique_ptr<EventLoop> loop_;
  Buffer drawn_position_;  // the row of added positions that the drawn event has
};

}  // namespace polonaise
