#include "models/recurrent_decoder.h"

#include "kernels/embedding/embedding.h"
#include "kernels/matmul/matmul.h"

namespace polonaise {

RecurrentDecoder::RecurrentDecoder(const RecurrentModel& model, Index rows)
    : model_(model),
      rows_(rows),
      device_(one_shard(model.parameters_.device())),
      upload_(device_),
      weights_(model.weights()) {
  const Index H = model.config_.hidden, layers = model.config_.layers;
  const auto floats = [&](Index n) { return Buffer(device_, static_cast<std::size_t>(n) * sizeof(float)); };
  const Index states = model.shape(1, rows).states();
  state_ = floats((1 + states) * layers * rows * H);
  h_ = {state_.as<float>(), {layers, rows, H}};
  c_ = {h_.data() + h_.size(), {layers, rows, states * H}};
  product_ = floats(rows * model.shape(1, rows).gates() * H);
  embedded_ = floats(rows * H);
  logits_ = floats(rows * model.config_.outputs());
}

View<const float, 2> RecurrentDecoder::advance(const EventRows& host_events) {
  upload_.clear();
  const EventRows events = upload_(host_events);
  const Index H = model_.config_.hidden, width = model_.shape(1, rows_).gates() * H;
  const View<float, 2> product(product_.as<float>(), {rows_, width});
  const Parameters& p = model_.parameters_;
  std::visit(
      [&](auto& device) {
        if (model_.config_.events.is_tokens()) {
          const View<float, 2> x(embedded_.as<float>(), {rows_, H});
          const View<const float, 2> table = p.value(model_.embedding_).matrix<const float>();
          kernels::embedding_forward<float>(device, {.ids = events.ids, .table = table, .y = x});
          kernels::matmul<float>(device, {.a = x,
                                          .b = p.value(model_.layers_[0].weight_ih).matrix<const float>(),
                                          .op_b = kernels::Op::transpose,
                                          .c = product});
        } else {
          const View<const float, 2> table(p.derived(model_.transposed_[0]).data(), {model_.input_width_, width});
          kernels::embedding_bag_forward<float>(device, {.x = events.frames, .table = table, .y = product});
        }
      },
      device_);
  recurrent_step(device_, model_.shape(1, rows_),
                 {.input = product, .weights = weights_, .packed = p.derived(model_.packed_), .h = h_, .c = c_});
  const View<const float, 2> top(h_.data() + (model_.config_.layers - 1) * rows_ * H, {rows_, H});
  return model_.head(device_, top, {logits_.as<float>(), {rows_, model_.config_.outputs()}});
}

bool RecurrentDecoder::generates(const kernels::Grammar* grammar) {
  return model_.config_.head == Head::bernoulli && recurrent_generation_fits(device_, network(), grammar);
}

void RecurrentDecoder::generate(const kernels::GenerationDraws& draws, View<std::int32_t, 2> state) {
  recurrent_generate(
      device_, network(),
      {.h = h_, .c = c_, .logits = {logits_.as<float>(), {rows_, model_.config_.outputs()}}, .grammar = state}, draws);
}

kernels::GenerationNetwork RecurrentDecoder::network() {
  const EventShape& events = model_.config_.events;
  const Parameters& p = model_.parameters_;
  const Index width = model_.shape(1, rows_).gates() * model_.config_.hidden;
  kernels::GenerationNetwork network{.shape = model_.shape(1, rows_),
                                     .inputs = {},
                                     .weights = weights_,
                                     .packed = p.derived(model_.packed_),
                                     .head_weight = model_.head_weight(),
                                     .head_bias = model_.head_bias(),
                                     .keys = events.keys};
  if (!events.is_tokens()) {
    network.inputs = {p.derived(model_.transposed_[0]).data(), {model_.input_width_, width}};
    if (events.duration_classes > 0) network.length_values = length_values();
  } else {
    network.inputs = token_inputs(width);
  }
  return network;
}

// embedding weight_ih_l0^T: a step of generate() looks the input product of a token up.
View<const float, 2> RecurrentDecoder::token_inputs(Index width) {
  const Parameters& p = model_.parameters_;
  const View<const float, 2> embedding = p.value(model_.embedding_).matrix<const float>();
  const std::array<Index, 2> extents{embedding.rows(), width};
  if (token_inputs_.bytes() == 0) {
    token_inputs_ = Buffer(device_, static_cast<std::size_t>(embedding.rows() * width) * sizeof(float));
    const View<const float, 2> weight = p.value(model_.layers_[0].weight_ih).matrix<const float>();
    std::visit(
        [&](auto& device) {
          kernels::matmul<float>(
              device,
              {.a = embedding, .b = weight, .op_b = kernels::Op::transpose, .c = {token_inputs_.as<float>(), extents}});
        },
        device_);
  }
  return {token_inputs_.as<float>(), extents};
}

View<const float, 1> RecurrentDecoder::length_values() {
  const EventShape& events = model_.config_.events;
  if (length_values_.bytes() == 0) {
    const std::vector<float> values = events.duration_values();
    length_values_ = Buffer(device_, values.size() * sizeof(float));
    copy_to_device(device_, length_values_.data(), values.data(), length_values_.bytes());
  }
  return {length_values_.as<float>(), {events.duration_classes}};
}

}  // namespace polonaise
