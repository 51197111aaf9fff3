#pragma once

#include "models/model.h"

namespace polonaise {

// rnn, lstm and gru: a recurrent stack that reads the events in order and predicts after each; bilstm: an LSTM stack in
// both directions over a window of past events, many-to-one: the head reads the top layer's forward state at the
// window's last event and its backward state at the first. State dict: core.weight_ih_l0, core.weight_hh_l0,
// core.bias_ih_l0, core.bias_hh_l0 (_reverse, _l1, ...); tokens pass through embedding.weight [vocabulary + 1, hidden];
// frames are read by weight_ih_l0 itself, as an embedding bag.
class RecurrentModel final : public Model {
 public:
  RecurrentModel(AnyDevice& device, const ModelConfig& config, DType activations);

  bool many_to_one() const override { return directions_ == 2; }
  bool carries_state() const override { return directions_ == 1; }
  // Sets the head's bias and, where frames have a length, makes one gate unit in three of the first layer (one unit in
  // two of an rnn) a steep threshold on it. Thresholds are spread over the lengths by their frequency: with the weights
  // as drawn, units see almost no difference between the commonest lengths.
  void start_from(std::span<const float> logits) override;
  std::unique_ptr<Decoder> decoder(Index rows) const override;

 protected:
  Layout layout() const override { return Layout::time_major; }
  Var body(Tape&, const Arranged&) const override;

 private:
  friend class RecurrentDecoder;
  struct LayerIds {
    Parameters::Id weight_ih, weight_hh, bias_ih, bias_hh;
  };
  kernels::RecurrentShape shape(Index T, Index B) const {
    return {T, B, config_.hidden, config_.layers, directions_, cell_};
  }
  std::vector<kernels::RecurrentLayer<const float>> weights() const;
  Var input_product(Tape&, const Arranged&) const;

  Cell cell_;
  Index directions_;
  Index input_width_;
  Parameters::Id embedding_ = 0;
  std::vector<LayerIds> layers_;            // [layers * directions], the direction fastest
  std::vector<Parameters::Id> transposed_;  // derived: weight_ih_l0 of each direction, transposed (frames)
  Parameters::Id packed_ = 0;               // derived
};

}  // namespace polonaise
