#pragma once

#include "models/recurrent_model.h"
#include "models/sampling/decoders.h"

namespace polonaise {

// Runs the whole window of a bidirectional model again for each event.
class WindowDecoder final : public Decoder {
 public:
  WindowDecoder(const RecurrentModel& model, Index rows);
  View<const float, 2> advance(const EventRows& events) override;
  void reset() override { history_.clear(); }

 private:
  const RecurrentModel& model_;
  History history_;
  AnyDevice device_;
  Arena arena_;
};

}  // namespace polonaise
