#include "models/recurrent_model.h"

#include <cmath>
#include <stdexcept>

#include "kernels/embedding/embedding.h"
#include "kernels/matmul/matmul.h"
#include "kernels/pointwise/pointwise.h"
#include "models/recurrent_decoder.h"
#include "models/start.h"
#include "models/window_decoder.h"

namespace polonaise {

RecurrentModel::RecurrentModel(AnyDevice& device, const ModelConfig& config, DType activations)
    : Model(device, config, activations),
      cell_(cell_of(config.architecture).value()),
      directions_(config.architecture == Architecture::bilstm ? 2 : 1),
      input_width_(config.events.is_tokens() ? config.hidden : config.events.width) {
  using Init = Parameters::Init;
  using Kind = Parameters::Kind;
  const Index H = config.hidden, rows = kernels::shape_of(cell_).gates * H;
  const float bound = 1.0f / std::sqrt(static_cast<float>(H));  // torch.nn.RNNBase's
  if (config.events.is_tokens())
    embedding_ = parameters_.add("embedding.weight", {config.events.vocabulary + 1, H}, Init::normal, 1.0f, Kind::edge);
  for (Index layer = 0; layer < config.layers; ++layer)
    for (Index direction = 0; direction < directions_; ++direction) {
      const std::string suffix = "_l" + std::to_string(layer) + (direction ? "_reverse" : "");
      const Index width = layer == 0 ? input_width_ : directions_ * H;
      const auto add = [&](const char* name, const Shape& s, Kind kind) {
        return parameters_.add("core." + std::string(name) + suffix, s, Init::uniform, bound, kind);
      };
      const Kind of_input = layer == 0 && !config.events.is_tokens() ? Kind::edge : Kind::hidden;
      layers_.push_back({add("weight_ih", {rows, width}, of_input), add("weight_hh", {rows, H}, Kind::hidden),
                         add("bias_ih", {rows}, Kind::vector), add("bias_hh", {rows}, Kind::vector)});
    }
  add_head(directions_ * H);

  packed_ = parameters_.add_derived(
      recurrent_packed_size(device, shape(1, 1)),
      [this](AnyDevice& d, View<float, 1> packed) { recurrent_pack(d, shape(1, 1), weights(), packed); });
  if (config.events.is_tokens()) return;
  for (Index direction = 0; direction < directions_; ++direction)
    transposed_.push_back(
        parameters_.add_derived(rows * input_width_, [this, direction, rows](AnyDevice& d, View<float, 1> out) {
          const Tensor weight = parameters_.value(layers_[static_cast<std::size_t>(direction)].weight_ih);
          std::visit(
              [&](auto& dev) {
                kernels::transpose<float>(dev, weight.matrix<const float>(),
                                          View<float, 2>(out.data(), {input_width_, rows}), Accumulate::no);
              },
              d);
        }));
}

void RecurrentModel::start_from(std::span<const float> logits) {
  constexpr float kSlope = 8;  // in units of the length's input: the commonest lengths lie a quarter apart
  constexpr double kGolden = 0.618033988749895;  // steps of it modulo 1 are spread evenly, however many there are
  const std::size_t every = cell_ == Cell::rnn ? 2 : 3;
  set_head_bias(logits);
  const EventShape& events = config_.events;
  if (events.duration_classes == 0) return;
  AnyDevice& device = parameters_.device();
  const std::span<const float> log_shares = logits.subspan(static_cast<std::size_t>(events.keys));
  const std::vector<float> lengths = events.duration_values();
  for (Index direction = 0; direction < directions_; ++direction) {
    const LayerIds& ids = layers_[static_cast<std::size_t>(direction)];
    const auto copy = [&](Parameters::Id id) {
      const OnHost<float, 1> host(device, parameters_.value(id).vector<const float>());
      return std::vector<float>(host.view().data(), host.view().data() + host.view().size());
    };
    std::vector<float> weight = copy(ids.weight_ih), bias = copy(ids.bias_ih);
    for (std::size_t i = 0, n = 0; i < bias.size(); i += every, ++n) {
      const double quantile = std::fmod(static_cast<double>(n) * kGolden, 1.0);
      const float slope = n % 2 == 0 ? kSlope : -kSlope;
      weight[(i + 1) * static_cast<std::size_t>(input_width_) - 1] = slope;
      bias[i] -= slope * static_cast<float>(length_at(quantile, lengths, log_shares));
    }
    copy_to_device(device, parameters_.value(ids.weight_ih).data, weight.data(), weight.size() * sizeof(float));
    copy_to_device(device, parameters_.value(ids.bias_ih).data, bias.data(), bias.size() * sizeof(float));
  }
  parameters_.refresh();
}

std::vector<kernels::RecurrentLayer<const float>> RecurrentModel::weights() const {
  std::vector<kernels::RecurrentLayer<const float>> views;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const LayerIds& ids = layers_[i];
    views.push_back({static_cast<Index>(i) < directions_ ? View<const float, 2>()
                                                         : parameters_.value(ids.weight_ih).matrix<const float>(),
                     parameters_.value(ids.weight_hh).matrix<const float>(),
                     parameters_.value(ids.bias_ih).vector<const float>(),
                     parameters_.value(ids.bias_hh).vector<const float>()});
  }
  return views;
}

// x weight_ih_l0^T of all steps and directions: [T,B,directions*G*H].
Var RecurrentModel::input_product(Tape& tape, const Arranged& a) const {
  const DType type = parameters_.activations();
  std::vector<Var> inputs;
  for (Index direction = 0; direction < directions_; ++direction)
    inputs.push_back(parameters_.on(tape, layers_[static_cast<std::size_t>(direction)].weight_ih, type));
  if (config_.events.is_tokens()) {
    const Var table = parameters_.on(tape, embedding_, type);
    return linear_side_by_side(tape, embedding(tape, a.ids, table, {}, {a.T, a.B, config_.hidden}), inputs);
  }
  const Index width = shape(1, 1).gates() * config_.hidden;
  std::vector<BagWeight> bags;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    bags.push_back({inputs[i], parameters_.derived(transposed_[i], {input_width_, width}, type)});
  return embedding_bag(tape, a.frames, bags, {}, {}, {a.T, a.B, directions_ * width});
}

Var RecurrentModel::body(Tape& tape, const Arranged& a) const {
  require(many_to_one() ? a.one_target : !a.one_target || a.T == 1,
          "one target a window for a bidirectional model, one a step for the others");
  const auto parameter = [&](Parameters::Id id) { return parameters_.on(tape, id, parameters_.activations()); };
  std::vector<RecurrentLayerVars> layers;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const LayerIds& ids = layers_[i];
    layers.push_back({static_cast<Index>(i) < directions_ ? Var() : parameter(ids.weight_ih), parameter(ids.weight_hh),
                      parameter(ids.bias_ih), parameter(ids.bias_hh)});
  }
  RecurrentOptions options{.shape = shape(a.T, a.B), .dropout = config_.dropout};
  options.lengths = a.lengths;
  options.state = a.state;
  const RecurrentResult result = recurrent(tape, input_product(tape, a), layers, parameters_.derived(packed_), options);
  return many_to_one() ? last_states(tape, result.hn, options.shape) : result.y;
}

std::unique_ptr<Decoder> RecurrentModel::decoder(Index rows) const {
  require(parameters_.activations() == DType::f32, "decoders are of models in float");
  if (directions_ == 2) return std::make_unique<WindowDecoder>(*this, rows);
  return std::make_unique<RecurrentDecoder>(*this, rows);
}

}  // namespace polonaise
