#include "models/transformer.h"

#include <cmath>

#include "kernels/pointwise/pointwise.h"
#include "kernels/position/position.h"
#include "models/transformer_decoder.h"

namespace polonaise {

Transformer::Transformer(AnyDevice& device, const ModelConfig& config, DType activations)
    : Model(device, config, activations), head_dim_(config.hidden / config.heads) {
  using Init = Parameters::Init;
  using Kind = Parameters::Kind;
  const Index C = config.hidden, T = config.sequence;
  const auto linear_bound = [](Index inputs) { return 1.0f / std::sqrt(static_cast<float>(inputs)); };
  const auto matrix = [&](const std::string& name, Index rows, Index columns, Kind kind = Kind::hidden) {
    return parameters_.add(name, {rows, columns}, Init::uniform, linear_bound(columns), kind);
  };
  const auto vector = [&](const std::string& name, Index size, Init init, float bound) {
    return parameters_.add(name, {size}, init, bound, Kind::vector);
  };
  if (config.events.is_tokens()) {
    input_weight_ =
        parameters_.add("embedding.weight", {config.events.vocabulary + 1, C}, Init::normal, 0.02f, Kind::edge);
  } else {
    input_weight_ = matrix("input.weight", C, config.events.width, Kind::edge);
    input_bias_ = vector("input.bias", C, Init::uniform, linear_bound(config.events.width));
  }
  if (config.position == PositionEncoding::learned)
    position_ = parameters_.add("position.weight", {T, C}, Init::normal, 0.02f, Kind::vector);
  for (Index i = 0; i < config.layers; ++i) {
    const std::string p = "layers." + std::to_string(i) + ".";
    LayerIds ids{};
    ids.norm1_weight = vector(p + "norm1.weight", C, Init::constant, 1);
    ids.norm1_bias = vector(p + "norm1.bias", C, Init::constant, 0);
    // Xavier over the three stacked matrices, as torch.nn.MultiheadAttention.
    ids.in_weight = parameters_.add(p + "self_attn.in_proj_weight", {3 * C, C}, Init::uniform,
                                    std::sqrt(6.0f / static_cast<float>(4 * C)), Kind::hidden);
    ids.in_bias = vector(p + "self_attn.in_proj_bias", 3 * C, Init::constant, 0);
    ids.out_weight = matrix(p + "self_attn.out_proj.weight", C, C);
    ids.out_bias = vector(p + "self_attn.out_proj.bias", C, Init::constant, 0);
    if (config.position == PositionEncoding::relative)
      ids.relative =
          parameters_.add(p + "self_attn.relative", {config.heads, T, head_dim_}, Init::normal, 0.02f, Kind::vector);
    ids.norm2_weight = vector(p + "norm2.weight", C, Init::constant, 1);
    ids.norm2_bias = vector(p + "norm2.bias", C, Init::constant, 0);
    ids.linear1_weight = matrix(p + "linear1.weight", config.inner(), C);
    ids.linear1_bias = vector(p + "linear1.bias", config.inner(), Init::uniform, linear_bound(C));
    ids.linear2_weight = matrix(p + "linear2.weight", C, config.inner());
    ids.linear2_bias = vector(p + "linear2.bias", C, Init::uniform, linear_bound(config.inner()));
    layers_.push_back(ids);
  }
  norm_weight_ = vector("norm.weight", C, Init::constant, 1);
  norm_bias_ = vector("norm.bias", C, Init::constant, 0);
  add_head(C);

  if (!config.events.is_tokens())
    transposed_ = parameters_.add_derived(C * config.events.width, [this](AnyDevice& any, View<float, 1> out) {
      const Index width = config_.events.width;
      std::visit(
          [&](auto& d) {
            kernels::transpose<float>(d, parameters_.value(input_weight_).matrix<const float>(),
                                      View<float, 2>(out.data(), {width, config_.hidden}), Accumulate::no);
          },
          any);
    });
  if (config.position == PositionEncoding::sinusoidal)
    fixed_ = parameters_.add_table(T * C, [T, C](AnyDevice& any, View<float, 1> out) {
      std::visit([&](auto& d) { kernels::sinusoidal_positions<float>(d, View<float, 2>(out.data(), {T, C})); }, any);
    });
  if (config.position == PositionEncoding::rotary)
    fixed_ = parameters_.add_table(T * head_dim_, [this, T](AnyDevice& any, View<float, 1> out) {
      std::visit(
          [&](auto& d) {
            kernels::rotary_angles<float>(d, 0, View<float, 2>(out.data(), {T, head_dim_}));
          },
          any);
    });
}

// The table of added positions [T,C].
Tensor Transformer::position_table(DType type) const {
  if (config_.position == PositionEncoding::learned) return parameters_.value(position_, type);
  return parameters_.derived(fixed_, {config_.sequence, config_.hidden}, type);
}

Var Transformer::body(Tape& tape, const Arranged& a) const {
  require(!a.one_target || a.T == 1, "a transformer has a target for each step");
  require(a.T <= config_.sequence, "a window is longer than the trained length");
  const DType type = parameters_.activations();
  const auto parameter = [&](Parameters::Id id) { return parameters_.on(tape, id, type); };
  const Index C = config_.hidden;
  const Shape shape{a.B, a.T, C};

  Var positions;
  if (config_.position == PositionEncoding::learned) positions = parameters_.rows_on(tape, position_, a.T, type);
  if (config_.position == PositionEncoding::sinusoidal) {
    Tensor table = position_table(type);
    table.shape = {a.T, C};
    positions = tape.constant(table);
  }
  Var x;
  if (config_.events.is_tokens()) {
    x = embedding(tape, a.ids, parameter(input_weight_), positions, shape);
  } else {
    const BagWeight bag{parameter(input_weight_), parameters_.derived(transposed_, {config_.events.width, C}, type)};
    x = embedding_bag(tape, a.frames, std::span(&bag, 1), parameter(input_bias_), positions, shape);
  }
  x = dropout(tape, x, config_.dropout, Layout::batch_major);

  View<const float, 2> rotary;
  if (config_.position == PositionEncoding::rotary) rotary = {parameters_.derived(fixed_).data(), {a.T, head_dim_}};
  Var branch;  // what the next norm adds to x
  for (const LayerIds& l : layers_) {
    const NormResult n1 = add_layer_norm(tape, x, branch, parameter(l.norm1_weight), parameter(l.norm1_bias));
    const Var qkv = linear(tape, n1.y, parameter(l.in_weight), parameter(l.in_bias));
    const Var relative = config_.position == PositionEncoding::relative ? parameter(l.relative) : Var();
    const Var heads = attention(tape, qkv, config_.heads, rotary, relative);
    branch = dropout(tape, linear(tape, heads, parameter(l.out_weight), parameter(l.out_bias)), config_.dropout,
                     Layout::batch_major);
    const NormResult n2 = add_layer_norm(tape, n1.sum, branch, parameter(l.norm2_weight), parameter(l.norm2_bias));
    const Var inner =
        linear(tape, n2.y, parameter(l.linear1_weight), parameter(l.linear1_bias), kernels::Activation::gelu);
    branch = dropout(tape,
                     linear(tape, dropout(tape, inner, config_.dropout, Layout::batch_major),
                            parameter(l.linear2_weight), parameter(l.linear2_bias)),
                     config_.dropout, Layout::batch_major);
    x = n2.sum;
  }
  return add_layer_norm(tape, x, branch, parameter(norm_weight_), parameter(norm_bias_)).y;
}

std::unique_ptr<Decoder> Transformer::decoder(Index rows) const {
  require(parameters_.activations() == DType::f32, "decoders are of models in float");
  return std::make_unique<TransformerDecoder>(*this, rows);
}

}  // namespace polonaise
