#pragma once

#include <array>

#include "models/model.h"
#include "runtime/device/recorder.h"

namespace polonaise {

// The sampling loop of one stream, event by event, for decoders without kernels that go on by themselves: an event is
// drawn from the logits, taken, and given to the network, in work that is the same for each event. What differs stands
// in the device's memory (kernels::GenerationPlace), so that a card replays the work as a graph.
class EventLoop {
 public:
  // `device` and `model` must outlive the loop.
  EventLoop(AnyDevice& device, const Model& model);

  // The loop is at event draws.stream.step + event of a piece, of which the network has read `read` (at least one).
  void begin(const kernels::GenerationDraws& draws, Index event, Index read);
  // Queues an event: its draw from `logits` [1, outputs], and read(), which queues what takes event() into the network
  // and makes the next logits in the same place. read() must queue the same each time.
  void queue(View<const float, 2> logits, const kernels::GenerationDraws&, View<std::int32_t, 2> state,
             const std::function<void()>& read);

  // The event that was drawn and its position, both in the device's memory.
  EventRows event() const;
  const std::int32_t* position() const { return &place_.as<kernels::GenerationPlace>()->position; }

  std::size_t replays() const { return recorder_.replays(); }

 private:
  void draw(View<const float, 2> logits, const kernels::GenerationDraws&, View<std::int32_t, 2> state);
  Index vocabulary() const { return events_.drawn_classes(); }
  View<std::int32_t, 1> token() const { return {integers_.as<std::int32_t>(), {1}}; }
  View<std::uint8_t, 2> keys() const { return {keys_.as<std::uint8_t>(), {1, events_.keys}}; }
  kernels::GenerationEvent drawn() const;

  AnyDevice& device_;
  const Model& model_;
  const EventShape& events_;
  Recorder recorder_;
  Buffer place_, allowed_, keys_, length_values_;
  Buffer integers_;  // the token drawn; that which is read, or a frame's offsets and columns
  Buffer values_;    // of a frame
};

}  // namespace polonaise
