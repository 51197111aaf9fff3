#pragma once

#include <vector>

#include "models/recurrent_model.h"
#include "models/sampling/decoders.h"

namespace polonaise {

// Carries the state of a recurrent model in one direction.
class RecurrentDecoder final : public Decoder {
 public:
  RecurrentDecoder(const RecurrentModel& model, Index rows);
  View<const float, 2> advance(const EventRows& host_events) override;
  void reset() override { fill_with(device_, state_.data(), 0, state_.bytes()); }
  bool generates(const kernels::Grammar* grammar) override;
  void generate(const kernels::GenerationDraws& draws, View<std::int32_t, 2> state) override;

 private:
  kernels::GenerationNetwork network();
  View<const float, 2> token_inputs(Index width);
  View<const float, 1> length_values();

  const RecurrentModel& model_;
  Index rows_;
  AnyDevice device_;
  EventUpload upload_;
  std::vector<kernels::RecurrentLayer<const float>> weights_;
  Buffer state_, product_, embedded_, logits_, token_inputs_, length_values_;
  View<float, 3> h_, c_;
};

}  // namespace polonaise
