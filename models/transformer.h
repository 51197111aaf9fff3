#pragma once

#include "models/model.h"

namespace polonaise {

// A pre-norm, causal transformer, as torch.nn.TransformerEncoder with norm_first, exact GELU and a final norm.
// State dict: embedding.weight [vocabulary + 1, C] (tokens) or input.weight [C, width], input.bias (frames);
// position.weight [T,C] (learned); layers.0.norm1.weight, .self_attn.in_proj_weight, .in_proj_bias,
// .self_attn.out_proj.weight, .self_attn.relative [N,T,D] (relative), .norm2, .linear1, .linear2; norm.weight,
// norm.bias.
class Transformer final : public Model {
 public:
  Transformer(AnyDevice& device, const ModelConfig& config, DType activations);

  std::unique_ptr<Decoder> decoder(Index rows) const override;

 protected:
  Layout layout() const override { return Layout::batch_major; }
  Var body(Tape&, const Arranged&) const override;

 private:
  friend class TransformerDecoder;
  struct LayerIds {
    Parameters::Id norm1_weight, norm1_bias, in_weight, in_bias, out_weight, out_bias, relative, norm2_weight,
        norm2_bias, linear1_weight, linear1_bias, linear2_weight, linear2_bias;
  };
  // Whether positions are added to the input, as a table.
  bool adds_positions() const {
    return config_.position == PositionEncoding::sinusoidal || config_.position == PositionEncoding::learned;
  }
  Tensor position_table(DType) const;

  Index head_dim_;
  Parameters::Id input_weight_ = 0, input_bias_ = 0, position_ = 0, norm_weight_ = 0, norm_bias_ = 0;
  Parameters::Id transposed_ = 0;  // derived: input.weight, transposed (frames)
  Parameters::Id fixed_ = 0;       // derived: sinusoidal table [T,C], or rotary angles [T,D]
  std::vector<LayerIds> layers_;
};

}  // namespace polonaise
