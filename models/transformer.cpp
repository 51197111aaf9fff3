#include "models/transformer.h"

#include <algorithm>
#include <cmath>

#include "kernels/embedding.h"
#include "kernels/norm.h"
#include "kernels/pointwise.h"
#include "kernels/position.h"
#include "models/decoders.h"

namespace polonaise {

Transformer::Transformer(AnyDevice& device, const ModelConfig& config, DType activations)
    : Model(device, config, activations), head_dim_(config.hidden / config.heads) {
  using Init = Parameters::Init;
  const Index C = config.hidden, T = config.sequence;
  const auto linear_bound = [](Index inputs) { return 1.0f / std::sqrt(static_cast<float>(inputs)); };
  const auto matrix = [&](const std::string& name, Index rows, Index columns) {
    return parameters_.add(name, {rows, columns}, Init::uniform, linear_bound(columns), true);
  };
  const auto vector = [&](const std::string& name, Index size, Init init, float bound) {
    return parameters_.add(name, {size}, init, bound, false);
  };
  if (config.events.tokens) {
    input_weight_ = parameters_.add("embedding.weight", {config.events.vocabulary + 1, C}, Init::normal, 0.02f, true);
  } else {
    input_weight_ = matrix("input.weight", C, config.events.width);
    input_bias_ = vector("input.bias", C, Init::uniform, linear_bound(config.events.width));
  }
  if (config.position == PositionEncoding::learned)
    position_ = parameters_.add("position.weight", {T, C}, Init::normal, 0.02f, false);
  for (Index i = 0; i < config.layers; ++i) {
    const std::string p = "layers." + std::to_string(i) + ".";
    LayerIds ids{};
    ids.norm1_weight = vector(p + "norm1.weight", C, Init::constant, 1);
    ids.norm1_bias = vector(p + "norm1.bias", C, Init::constant, 0);
    // Xavier over the three stacked matrices, as torch.nn.MultiheadAttention.
    ids.in_weight = parameters_.add(p + "self_attn.in_proj_weight", {3 * C, C}, Init::uniform,
                                    std::sqrt(6.0f / static_cast<float>(4 * C)), true);
    ids.in_bias = vector(p + "self_attn.in_proj_bias", 3 * C, Init::constant, 0);
    ids.out_weight = matrix(p + "self_attn.out_proj.weight", C, C);
    ids.out_bias = vector(p + "self_attn.out_proj.bias", C, Init::constant, 0);
    if (config.position == PositionEncoding::relative)
      ids.relative =
          parameters_.add(p + "self_attn.relative", {config.heads, T, head_dim_}, Init::normal, 0.02f, false);
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

  if (!config.events.tokens)
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

Var Transformer::body(Tape& tape, View<float, 1> gradients, const Arranged& a, RecurrentState*) const {
  require(!a.one_target || a.T == 1, "a transformer has a target for each step");
  require(a.T <= config_.sequence, "a window is longer than the trained length");
  const DType type = parameters_.activations();
  const auto parameter = [&](Parameters::Id id) { return parameters_.on(tape, id, gradients, type); };
  const Index C = config_.hidden;
  const Shape shape{a.B, a.T, C};

  Var positions;
  if (config_.position == PositionEncoding::learned)
    positions = parameters_.rows_on(tape, position_, a.T, gradients, type);
  if (config_.position == PositionEncoding::sinusoidal) {
    Tensor table = position_table(type);
    table.shape = {a.T, C};
    positions = tape.constant(table);
  }
  Var x;
  if (config_.events.tokens) {
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

// Keys and values of the events so far in rings of `sequence` entries. Rotary and relative positions drop the oldest
// entry; added positions end with the table, so the newest half of the context is then encoded again from position 0,
// several events at once.
class TransformerDecoder final : public Decoder {
  static constexpr Index kAtOnce = 32;  // events that are encoded together: enough rows for a matrix product

 public:
  TransformerDecoder(const Transformer& model, Index rows)
      : model_(model),
        rows_(rows),
        device_(one_shard(model.parameters_.device())),
        upload_(device_),
        history_(model.config_.events, rows, model.config_.sequence) {
    const ModelConfig& c = model.config_;
    const auto floats = [&](Index n) { return Buffer(device_, static_cast<std::size_t>(n) * sizeof(float)); };
    if (model.adds_positions()) at_once_ = std::clamp<Index>(c.sequence / 2, 1, kAtOnce);
    cache_ = floats(2 * c.layers * cache_size());
    const Index scratch[] = {c.hidden, c.hidden, 3 * c.hidden, c.hidden, c.hidden, c.inner()};
    for (const Index width : scratch) scratch_.push_back(floats(at_once_ * rows * width));
    statistics_ = floats(2 * at_once_ * rows);
    angles_ = floats(model.head_dim_);
    logits_ = floats(rows * c.outputs());
  }

  View<const float, 2> advance(const EventRows& events) override {
    const bool added = model_.adds_positions();
    upload_.clear();
    if (added && position_ == model_.config_.sequence) {
      history_.keep(model_.config_.sequence / 2);
      position_ = 0;
      for (Index first = 0; first < history_.size(); first += at_once_)
        encode(std::min(at_once_, history_.size() - first), [&](Index i) { return history_.at(first + i); });
    }
    if (added) history_.push(events);
    const View<const float, 2> features = encode(1, [&](Index) { return events; });
    return model_.head(device_, features, {logits_.as<float>(), {rows_, model_.config_.outputs()}});
  }

  void reset() override {
    position_ = 0;
    history_.clear();
  }

 private:
  Index cache_size() const { return rows_ * model_.config_.sequence * model_.config_.hidden; }

  // The next `count` <= at_once_ events through all layers, event(i) the i-th, asked for once each, in order; the
  // features of the last event after the last norm [rows, C]. Rows of scratch are event-major.
  template <class Event>
  View<const float, 2> encode(Index count, Event&& event) {
    return std::visit([&](auto& device) { return encode_on(device, count, event); }, device_);
  }

  template <class Device, class Event>
  View<const float, 2> encode_on(Device& device, Index count, Event&& event) {
    const ModelConfig& c = model_.config_;
    const Parameters& p = model_.parameters_;
    const Index C = c.hidden, N = c.heads, D = model_.head_dim_, T = c.sequence, rows = count * rows_;
    const auto matrix = [&](Parameters::Id id) { return p.value(id).matrix<const float>(); };
    const auto vector = [&](Parameters::Id id) { return p.value(id).vector<const float>(); };
    const auto scratch = [&](std::size_t i, Index width) {
      return View<float, 2>(scratch_[i].as<float>(), {rows, width});
    };
    const auto of_event = [&](View<float, 2> all, Index i) { return all.row_block(i * rows_, rows_); };
    const View<float, 2> x = scratch(0, C), y = scratch(1, C), qkv = scratch(2, 3 * C), heads = scratch(3, C),
                         branch = scratch(4, C), inner = scratch(5, c.inner());
    const View<float, 1> mean(statistics_.as<float>(), {rows}), rstd(mean.data() + rows, {rows});

    for (Index i = 0; i < count; ++i) {
      const EventRows events = upload_(event(i));
      View<const float, 2> added;
      if (model_.adds_positions())
        added = model_.position_table(DType::f32).matrix<const float>().row_block(position_ + i, 1);
      if (c.events.tokens)
        kernels::embedding_forward<float>(device, events.ids, matrix(model_.input_weight_), added, of_event(x, i));
      else
        kernels::embedding_bag_forward<float>(
            device, events.frames, View<const float, 2>(p.derived(model_.transposed_).data(), {c.events.width, C}),
            vector(model_.input_bias_), added, of_event(x, i));
    }
    bool first = true;
    for (std::size_t layer = 0; layer < model_.layers_.size(); ++layer) {
      const Transformer::LayerIds& l = model_.layers_[layer];
      norm(device, x, first ? View<const float, 2>() : branch, vector(l.norm1_weight), vector(l.norm1_bias), y, mean,
           rstd);
      first = false;
      kernels::linear_forward<float>(device, y, matrix(l.in_weight), vector(l.in_bias), kernels::Activation::none, {},
                                     qkv);
      kernels::AttentionPositions<float> positions;
      if (c.position == PositionEncoding::relative) positions.relative = p.value(l.relative).cube<const float>();
      float* keys = cache_.as<float>() + static_cast<Index>(2 * layer) * cache_size();
      for (Index i = 0; i < count; ++i) {
        if (c.position == PositionEncoding::rotary) positions.rotary = angles(device, position_ + i);
        kernels::attention_step<float>(device, {rows_, 1, N, D}, of_event(qkv, i), positions, position_ + i,
                                       View<float, 4>(keys, {rows_, N, T, D}),
                                       View<float, 4>(keys + cache_size(), {rows_, N, T, D}), of_event(heads, i));
      }
      kernels::linear_forward<float>(device, heads, matrix(l.out_weight), vector(l.out_bias), kernels::Activation::none,
                                     {}, branch);
      norm(device, x, branch, vector(l.norm2_weight), vector(l.norm2_bias), y, mean, rstd);
      kernels::linear_forward<float>(device, y, matrix(l.linear1_weight), vector(l.linear1_bias),
                                     kernels::Activation::gelu, {}, inner);
      kernels::linear_forward<float>(device, inner, matrix(l.linear2_weight), vector(l.linear2_bias),
                                     kernels::Activation::none, {}, branch);
    }
    norm(device, x, branch, vector(model_.norm_weight_), vector(model_.norm_bias_), y, mean, rstd);
    position_ += count;
    return of_event(y, count - 1);
  }

  // The rotary angles of a position [1, D].
  template <class Device>
  View<const float, 2> angles(Device& device, Index position) {
    const View<float, 2> row(angles_.as<float>(), {1, model_.head_dim_});
    if (position != angles_position_) kernels::rotary_angles<float>(device, position, row);
    angles_position_ = position;
    return row;
  }

  // x += branch, y = layer norm of x.
  template <class Device>
  static void norm(Device& device, View<float, 2> x, View<const float, 2> branch, View<const float, 1> weight,
                   View<const float, 1> bias, View<float, 2> y, View<float, 1> mean, View<float, 1> rstd) {
    kernels::layer_norm_forward<float>(device, x, branch, weight, bias, branch.empty() ? View<float, 2>() : x, y, mean,
                                       rstd);
  }

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
};

std::unique_ptr<Decoder> Transformer::decoder(Index rows) const {
  require(parameters_.activations() == DType::f32, "decoders are of models in float");
  return std::make_unique<TransformerDecoder>(*this, rows);
}

}  // namespace polonaise
