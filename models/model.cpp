#include "models/model.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/sampling/nade.h"
#include "models/recurrent_model.h"
#include "models/start.h"
#include "models/transformer.h"

namespace polonaise {

void Model::add_head(Index features) {
  const float bound = 1.0f / std::sqrt(static_cast<float>(features));  // torch.nn.Linear's
  using Init = Parameters::Init;
  using Kind = Parameters::Kind;
  head_weight_ = parameters_.add("head.weight", {config_.outputs(), features}, Init::uniform, bound, Kind::edge);
  head_bias_ = parameters_.add("head.bias", {config_.outputs()}, Init::uniform, bound, Kind::vector);
  if (config_.head != Head::autoregressive) return;
  const Shape shape{config_.events.keys, config_.head_hidden};
  const float key_bound = 1.0f / std::sqrt(static_cast<float>(config_.head_hidden));
  key_in_ = parameters_.add("head.key_in", shape, Init::uniform, key_bound, Kind::edge);
  key_out_ = parameters_.add("head.key_out", shape, Init::uniform, key_bound, Kind::edge);
}

void Model::set_head_bias(std::span<const float> logits) {
  require(static_cast<Index>(logits.size()) == config_.events.outputs(), "a logit for each of the event's outputs");
  AnyDevice& device = parameters_.device();
  const OnHost<float, 1> old(device, head_bias());
  std::vector<float> bias(old.view().data(), old.view().data() + old.view().size());
  std::ranges::copy(logits, bias.begin());
  if (config_.head == Head::autoregressive) {
    const OnHost<float, 2> key_in(device, parameters_.value(key_in_).matrix<const float>());
    const OnHost<float, 2> key_out(device, parameters_.value(key_out_).matrix<const float>());
    const View<const float, 1> hidden(bias.data() + logits.size(), {config_.head_hidden});
    const auto added = added_by_hidden_units(hidden, key_in.view(), key_out.view(), logits);
    for (std::size_t k = 0; k < added.size(); ++k) bias[k] -= static_cast<float>(added[k]);
  }
  copy_to_device(device, parameters_.value(head_bias_).data, bias.data(), bias.size() * sizeof(float));
  parameters_.refresh();
}

Var Model::logits(Tape& tape, const Arranged& arranged) const {
  require(!arranged.state || carries_state(), "this model carries no state");
  Var features = cast(tape, body(tape, arranged), DType::f32);
  features = dropout(tape, features, config_.head_dropout, layout());
  return linear(tape, features, parameters_.on(tape, head_weight_), parameters_.on(tape, head_bias_));
}

TargetLosses Model::losses(Tape& tape, const Batch& batch, Shards::Rows rows, RecurrentState* state) const {
  Arranged arranged = arrange(tape, batch, rows);
  arranged.state = state;
  return losses(tape, arranged);
}

Shards::Prepared Model::prepare(Tape& tape, const Batch& batch, Shards::Rows rows) const {
  const Arranged arranged = arrange(tape, batch, rows);
  return {[this, arranged](Tape& t) { return losses(t, arranged); }, Recorder::Key(arranged)};
}

Arranged Model::arrange(Tape& tape, const Batch& batch, Shards::Rows rows) const {
  require(!many_to_one() || batch.targets_per_row == 1,
          "a bidirectional model has one target for each window: it would see the others");
  return polonaise::arrange(tape, config_.events, batch, rows, layout());
}

TargetLosses Model::losses(Tape& tape, const Arranged& arranged) const {
  const EventShape& events = config_.events;
  TargetLosses losses{{}, arranged};
  const Var z = logits(tape, arranged);
  if (events.is_tokens()) {
    losses.main = token_loss(tape, z, arranged.targets);
  } else {
    NadeWeights nade;
    if (config_.head == Head::autoregressive) nade = {parameters_.on(tape, key_in_), parameters_.on(tape, key_out_)};
    const FrameLosses frame = frame_loss(tape, z, events.keys, arranged.frame_targets, nade);
    losses.main = frame.keys;
    losses.durations = frame.durations;
  }
  return losses;
}

View<const float, 2> Model::head(AnyDevice& device, View<const float, 2> features, View<float, 2> out) const {
  std::visit(
      [&](auto& d) {
        kernels::linear_forward<float>(d, {.x = features, .weight = head_weight(), .bias = head_bias(), .y = out});
      },
      device);
  return out;
}

void Model::sample_keys(AnyDevice& device, kernels::SampleKeys sample) const {
  const View<const float, 2> logits = sample.logits;
  sample.logits = logits.column_block(0, config_.events.keys);
  std::visit(
      [&](auto& d) {
        if (config_.head == Head::autoregressive)
          kernels::nade_sample(
              d, {.nade = {logits.column_block(config_.events.outputs(), config_.head_hidden), sample.logits,
                           parameters_.value(key_in_).matrix<const float>(),
                           parameters_.value(key_out_).matrix<const float>()},
                  .allowed = sample.allowed,
                  .options = {.temperature = sample.options.temperature, .max_keys = sample.options.max_keys},
                  .stream = sample.stream,
                  .first_row = sample.first_row,
                  .position = sample.position,
                  .keys = sample.keys});
        else
          kernels::sample_keys(d, sample);
      },
      device);
}

void Decoder::generate(const kernels::GenerationDraws&, View<std::int32_t, 2>) {
  require(false, "this decoder's model has no kernels that go on by themselves");
}

std::unique_ptr<Model> make_model(AnyDevice& device, const ModelConfig& config, std::uint64_t seed, DType activations) {
  validate(config);
  std::unique_ptr<Model> model;
  if (config.architecture == Architecture::transformer)
    model = std::make_unique<Transformer>(device, config, activations);
  else
    model = std::make_unique<RecurrentModel>(device, config, activations);
  model->parameters().allocate(seed);
  return model;
}

}  // namespace polonaise
