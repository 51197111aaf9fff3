#include "models/transformer_decoder.h"

#include <algorithm>

#include "kernels/embedding/embedding.h"
#include "kernels/norm/norm.h"
#include "kernels/position/position.h"

namespace polonaise {

namespace {

constexpr Index kAtOnce = 32;    // events that are encoded together: enough rows for a matrix product
constexpr Index kUnasked = 256;  // events that are drawn before the host looks whether the stream has stopped

}  // namespace

TransformerDecoder::TransformerDecoder(const Transformer& model, Index rows)
    : model_(model),
      rows_(rows),
      device_(one_shard(model.parameters_.device())),
      upload_(device_),
      history_(model.config_.events, rows, model.config_.sequence) {
  const ModelConfig& c = model.config_;
  const auto floats = [&](Index n) { return Buffer(device_, static_cast<std::size_t>(n) * sizeof(float)); };
  if (model.adds_positions()) at_once_ = std::clamp<Index>(c.sequence / 2, 1, kAtOnce);
  cache_ = floats(2 * c.layers * cache_size());
  const Index widths[] = {c.hidden, c.hidden, 3 * c.hidden, c.hidden, c.hidden, c.inner()};
  for (const Index width : widths) scratch_.push_back(floats(at_once_ * rows * width));
  statistics_ = floats(2 * at_once_ * rows);
  angles_ = floats(model.head_dim_);
  logits_ = floats(rows * c.outputs());
}

View<float, 2> TransformerDecoder::scratch(std::size_t i, Index count) const {
  const Index rows = count * rows_, all = static_cast<Index>(scratch_[i].bytes() / sizeof(float));
  return {scratch_[i].as<float>(), {rows, all / (at_once_ * rows_)}};
}

View<const float, 2> TransformerDecoder::advance(const EventRows& events) {
  upload_.clear();
  if (model_.adds_positions()) {
    if (position_ == model_.config_.sequence) start_over();
    history_.push(events);
  }
  const View<const float, 2> features = encode(1, [&](Index) { return events; });
  return model_.head(device_, features, logits());
}

void TransformerDecoder::reset() {
  position_ = 0;
  history_.clear();
}

void TransformerDecoder::start_over() {
  history_.keep(model_.config_.sequence / 2);
  position_ = 0;
  for (Index first = 0; first < history_.size(); first += at_once_)
    encode(std::min(at_once_, history_.size() - first), [&](Index i) { return history_.at(first + i); });
}

template <class Event>
View<const float, 2> TransformerDecoder::encode(Index count, Event&& event) {
  return std::visit(
      [&](auto& device) {
        const View<float, 2> x = scratch(0, count);
        for (Index i = 0; i < count; ++i) {
          View<const float, 2> added;
          if (model_.adds_positions())
            added = model_.position_table(DType::f32).template matrix<const float>().row_block(position_ + i, 1);
          embed(device, upload_(event(i)), added, x.row_block(i * rows_, rows_));
        }
        const auto y = layers(
            device, count, [&](Index i) { return kernels::Position(position_ + i); },
            [&](Index i) {
              const View<float, 2> row(angles_.as<float>(), {1, model_.head_dim_});
              if (angles_position_ != position_ + i) kernels::rotary_angles<float>(device, position_ + i, row);
              angles_position_ = position_ + i;
              return row;
            });
        position_ += count;
        return y;
      },
      device_);
}

template <class Device>
void TransformerDecoder::embed(Device& device, const EventRows& events, View<const float, 2> position,
                               View<float, 2> x) {
  const ModelConfig& c = model_.config_;
  const Parameters& p = model_.parameters_;
  if (c.events.is_tokens())
    kernels::embedding_forward<float>(device, {.ids = events.ids,
                                               .table = p.value(model_.input_weight_).matrix<const float>(),
                                               .positions = position,
                                               .y = x});
  else
    kernels::embedding_bag_forward<float>(device,
                                          {.x = events.frames,
                                           .table = {p.derived(model_.transposed_).data(), {c.events.width, c.hidden}},
                                           .bias = p.value(model_.input_bias_).vector<const float>(),
                                           .positions = position,
                                           .y = x});
}

template <class Device, class Place, class Angles>
View<const float, 2> TransformerDecoder::layers(Device& device, Index count, Place&& place, Angles&& angles) {
  const ModelConfig& c = model_.config_;
  const Parameters& p = model_.parameters_;
  const Index N = c.heads, D = model_.head_dim_, T = c.sequence;
  const auto matrix = [&](Parameters::Id id) { return p.value(id).matrix<const float>(); };
  const auto vector = [&](Parameters::Id id) { return p.value(id).vector<const float>(); };
  const auto of_event = [&](View<float, 2> all, Index i) { return all.row_block(i * rows_, rows_); };
  const View<float, 2> x = scratch(0, count), y = scratch(1, count), qkv = scratch(2, count), heads = scratch(3, count),
                       branch = scratch(4, count), inner = scratch(5, count);
  const View<float, 1> mean(statistics_.as<float>(), {count * rows_}), rstd(mean.data() + mean.size(), mean.extents());

  const auto linear = [&](View<const float, 2> in, Parameters::Id weight, Parameters::Id bias,
                          kernels::Activation activation, View<float, 2> out) {
    kernels::linear_forward<float>(
        device, {.x = in, .weight = matrix(weight), .bias = vector(bias), .activation = activation, .y = out});
  };
  // x += added, y = layer norm of x.
  const auto norm = [&](View<const float, 2> added, Parameters::Id weight, Parameters::Id bias) {
    kernels::layer_norm_forward<float>(device, {.x = x,
                                                .residual = added,
                                                .weight = vector(weight),
                                                .bias = vector(bias),
                                                .sum = added.empty() ? View<float, 2>() : x,
                                                .y = y,
                                                .mean = mean,
                                                .rstd = rstd});
  };

  for (std::size_t layer = 0; layer < model_.layers_.size(); ++layer) {
    const Transformer::LayerIds& l = model_.layers_[layer];
    norm(layer == 0 ? View<const float, 2>() : branch, l.norm1_weight, l.norm1_bias);
    linear(y, l.in_weight, l.in_bias, kernels::Activation::none, qkv);
    kernels::AttentionPositions<float> positions;
    if (c.position == PositionEncoding::relative) positions.relative = p.value(l.relative).cube<const float>();
    float* keys = cache_.as<float>() + static_cast<Index>(2 * layer) * cache_size();
    for (Index i = 0; i < count; ++i) {
      if (c.position == PositionEncoding::rotary) positions.rotary = angles(i);
      kernels::attention_step<float>(device, {.qkv = of_event(qkv, i),
                                              .positions = positions,
                                              .position = place(i),
                                              .keys = {keys, {rows_, N, T, D}},
                                              .values = {keys + cache_size(), {rows_, N, T, D}},
                                              .y = of_event(heads, i)});
    }
    linear(heads, l.out_weight, l.out_bias, kernels::Activation::none, branch);
    norm(branch, l.norm2_weight, l.norm2_bias);
    linear(y, l.linear1_weight, l.linear1_bias, kernels::Activation::gelu, inner);
    linear(inner, l.linear2_weight, l.linear2_bias, kernels::Activation::none, branch);
  }
  norm(branch, model_.norm_weight_, model_.norm_bias_);
  return of_event(y, count - 1);
}

void TransformerDecoder::generate(const kernels::GenerationDraws& draws, View<std::int32_t, 2> state) {
  require(rows_ == 1 && position_ > 0, "a transformer goes on by itself with one stream, and after the start event");
  if (!loop_) {
    loop_ = std::make_unique<EventLoop>(device_, model_);
    drawn_position_ = Buffer(device_, static_cast<std::size_t>(model_.config_.hidden) * sizeof(float));
  }
  const auto fill = [&](auto view, unsigned char byte) {
    if (!view.empty())
      fill_with(device_, view.data(), byte, static_cast<std::size_t>(view.size()) * sizeof *view.data());
  };
  fill(draws.tokens, 0xff);  // -1
  fill(draws.keys, 0);
  fill(draws.drawn, 0);
  angles_position_ = -1;
  const Index sequence = model_.config_.sequence;
  for (Index event = 0; event < draws.events;) {
    Index run = std::min(kUnasked, draws.events - event);
    if (model_.adds_positions()) {
      upload_.clear();
      if (position_ == sequence) start_over();
      run = std::min(run, sequence - position_);
    }
    loop_->begin(draws, event, position_);
    for (Index i = 0; i < run; ++i) loop_->queue(logits(), draws, state, [&] { read_drawn(); });
    position_ += run;
    if (!remember(draws, event, event + run)) return;
    event += run;
  }
}

void TransformerDecoder::read_drawn() {
  const View<const float, 2> features = std::visit(
      [&](auto& device) {
        const auto place = kernels::Position::found_at(loop_->position());
        View<float, 2> added;
        if (model_.adds_positions()) {
          added = {drawn_position_.as<float>(), {1, model_.config_.hidden}};
          kernels::embedding_forward<float>(device,
                                            {.ids = {loop_->position(), {1}},
                                             .table = model_.position_table(DType::f32).template matrix<const float>(),
                                             .y = added});
        }
        embed(device, loop_->event(), added, scratch(0, 1));
        const View<float, 2> angles(angles_.as<float>(), {1, model_.head_dim_});
        if (model_.config_.position == PositionEncoding::rotary) kernels::rotary_angles<float>(device, place, angles);
        return layers(
            device, 1, [&](Index) { return place; }, [&](Index) { return angles; });
      },
      device_);
  model_.head(device_, features, logits());
}

bool TransformerDecoder::remember(const kernels::GenerationDraws& draws, Index from, Index to) {
  const EventShape& events = model_.config_.events;
  std::int32_t drawn = 0;
  copy_to_host(device_, &drawn, draws.drawn.data(), sizeof drawn);
  if (model_.adds_positions()) {
    EventBuffer buffer(events, 1);
    const Index count = std::min<Index>(drawn, to) - from;
    const auto part = [&](auto view, Index width) {
      using T = std::remove_pointer_t<decltype(view.data())>;
      return view.empty() || count <= 0 ? View<const T, 2>()
                                        : View<const T, 2>(view.data() + from * width, {count, width});
    };
    const OnHost<std::int32_t, 2> tokens(device_, part(draws.tokens, 1));
    const OnHost<std::uint8_t, 2> keys(device_, part(draws.keys, events.keys));
    std::vector<std::uint8_t> sounding;
    for (Index i = 0; i < count; ++i) {
      if (events.is_tokens()) {
        history_.push(buffer.token(tokens[i]));
        continue;
      }
      sounding.clear();
      kernels::append_nonzero(keys.view().row(i), events.keys, sounding);
      history_.push(
          buffer.frame(sounding, events.has_durations() ? std::optional(class_quarters(tokens[i])) : std::nullopt));
    }
  }
  return drawn >= to;
}

}  // namespace polonaise
