#include "models/model.h"

#include <cmath>

#include "models/recurrent.h"
#include "models/transformer.h"

namespace polonaise {

void Model::add_head(Index features) {
  const float bound = 1.0f / std::sqrt(static_cast<float>(features));  // torch.nn.Linear's
  const Index outputs = config_.events.outputs();
  head_weight_ = parameters_.add("head.weight", {outputs, features}, Parameters::Init::uniform, bound, true);
  head_bias_ = parameters_.add("head.bias", {outputs}, Parameters::Init::uniform, bound, false);
}

Var Model::logits(Tape& tape, View<float, 1> gradients, const Arranged& arranged, RecurrentState* state) const {
  const Var features = body(tape, gradients, arranged, state);
  return linear(tape, features, parameters_.on(tape, head_weight_, gradients),
                parameters_.on(tape, head_bias_, gradients));
}

TargetLosses Model::losses(Tape& tape, View<float, 1> gradients, const Batch& batch, Shards::Rows rows, float scale,
                           RecurrentState* state) const {
  require(!state || carries_state(), "this model carries no state");
  require(many_to_one() ? batch.targets_per_row == 1 : true,
          "a bidirectional model has one target for each window: it would see the others");
  const EventShape& events = config_.events;
  TargetLosses losses{{}, arrange(tape, events, batch, rows, layout())};
  const Var z = logits(tape, gradients, losses.arranged, state);
  if (events.tokens) {
    losses.main = token_loss(tape, z, losses.arranged.targets, scale);
  } else {
    const FrameLosses frame = frame_loss(tape, z, events.keys, losses.arranged.frame_targets, scale);
    losses.main = frame.keys;
    losses.durations = frame.durations;
  }
  return losses;
}

View<const float, 2> Model::head(AnyDevice& device, View<const float, 2> features, View<float, 2> out) const {
  std::visit(
      [&](auto& d) {
        kernels::linear_forward<float>(d, features, parameters_.value(head_weight_).matrix<const float>(),
                                       parameters_.value(head_bias_).vector<const float>(), kernels::Activation::none,
                                       {}, out);
      },
      device);
  return out;
}

std::unique_ptr<Model> make_model(AnyDevice& device, const ModelConfig& config, std::uint64_t seed) {
  validate(config);
  std::unique_ptr<Model> model;
  if (config.architecture == Architecture::transformer)
    model = std::make_unique<Transformer>(device, config);
  else
    model = std::make_unique<RecurrentModel>(device, config);
  model->parameters().allocate(seed);
  return model;
}

}  // namespace polonaise
