#include "kernels/recurrent/recurrent.h"

#include "kernels/pointwise/pointwise.h"
#include "runtime/ops.h"

namespace polonaise {

namespace {

using kernels::RecurrentLayer;
using kernels::RecurrentShape;

template <class T>
std::vector<RecurrentLayer<const T>> weight_views(std::span<const RecurrentLayerVars> layers) {
  std::vector<RecurrentLayer<const T>> views;
  for (const RecurrentLayerVars& l : layers)
    views.push_back({l.weight_ih ? l.weight_ih.value().matrix<const T>() : View<const T, 2>(),
                     l.weight_hh.value().matrix<const T>(), l.bias_ih.value().vector<const T>(),
                     l.bias_hh.value().vector<const T>()});
  return views;
}

std::vector<RecurrentLayer<float>> gradient_views(Tape& tape, std::span<const RecurrentLayerVars> layers) {
  std::vector<RecurrentLayer<float>> views;
  for (const RecurrentLayerVars& l : layers)
    views.push_back({tape.slot(l.weight_ih).tensor.matrix<float>(), tape.slot(l.weight_hh).tensor.matrix<float>(),
                     tape.slot(l.bias_ih).tensor.vector<float>(), tape.slot(l.bias_hh).tensor.vector<float>()});
  return views;
}

}  // namespace

Index recurrent_packed_size(AnyDevice& any, const RecurrentShape& shape) {
  return std::visit([&](auto& device) { return kernels::recurrent_packed_size(device, shape); }, any);
}

void recurrent_pack(AnyDevice& any, const RecurrentShape& shape, std::span<const RecurrentLayer<const float>> weights,
                    View<float, 1> packed) {
  std::visit([&](auto& device) { kernels::recurrent_pack<float>(device, shape, weights, packed); }, any);
}

void recurrent_step(AnyDevice& any, const RecurrentShape& shape, const kernels::RecurrentStep<float>& step) {
  std::visit([&](auto& device) { kernels::recurrent_step<float>(device, shape, step); }, any);
}

RecurrentResult recurrent(Tape& tape, const Var& input, std::span<const RecurrentLayerVars> layers,
                          View<const float, 1> packed, const RecurrentOptions& options) {
  const RecurrentShape& s = options.shape;
  require(!options.state || !tape.is_training(), "a state is carried in inference only");
  const bool wants_gradient = input.needs_gradient() || layers.front().weight_hh.needs_gradient();
  const Var y = tape.output({s.T, s.B, s.directions * s.H}, input.dtype(), wants_gradient);
  const Var hn = tape.output({s.layers * s.directions, s.B, s.H}, input.dtype(), wants_gradient);
  kernels::RecurrentDropout dropout;
  if (tape.is_training() && options.dropout > 0 && s.layers > 1)
    dropout = {options.dropout, tape.random_stream(static_cast<std::uint32_t>(s.layers - 1)), tape.place().first_row};
  const std::vector<RecurrentLayerVars> list(layers.begin(), layers.end());
  Tensor saved;

  dispatch(tape.device(), input.dtype(), [&](auto& device, auto type) {
    using T = typename decltype(type)::type;
    saved = tape.output({kernels::recurrent_saved_size(device, s, dropout.p)}, input.dtype(), false).value();
    const auto weights = weight_views<T>(list);
    kernels::RecurrentForward<T> forward{.input = input.value().template cube<const T>(),
                                         .weights = weights,
                                         .packed = packed,
                                         .lengths = options.lengths,
                                         .y = y.value().template cube<T>(),
                                         .hn = hn.value().template cube<T>(),
                                         .saved = saved.vector<T>(),
                                         .dropout = dropout};
    if (options.state) {
      forward.h0 = forward.hn = options.state->h.cube<T>();
      forward.c0 = forward.cn = options.state->c.cube<T>();
    }
    kernels::recurrent_forward<T>(device, s, forward);
  });

  tape.record("recurrent", y, hn, [=, lengths = options.lengths](Tape& t) {
    const Tensor dy = t.gradient(y), dhn = t.gradient(hn);
    if (!dy.data && !dhn.data) return;
    const GradientSlot dinput = t.slot(input);
    dispatch(t.device(), input.dtype(), [&](auto& device, auto type) {
      using T = typename decltype(type)::type;
      const auto weights = weight_views<T>(list);
      const auto gradients = gradient_views(t, list);
      Scratch scratch(t);
      kernels::recurrent_backward<T>(device, s,
                                     {.weights = weights,
                                      .packed = packed,
                                      .lengths = lengths,
                                      .y = y.value().template cube<const T>(),
                                      .saved = saved.vector<T>(),
                                      .dy = dy.data ? dy.cube<const T>() : View<const T, 3>(),
                                      .dhn = dhn.data ? dhn.cube<const T>() : View<const T, 3>(),
                                      .dinput = dinput.tensor.cube<T>(),
                                      .dinput_accumulate = dinput.accumulate,
                                      .gradients = gradients,
                                      .scratch = scratch.allocate<T>(kernels::recurrent_scratch_size(device, s)),
                                      .dropout = dropout});
    });
  });
  return {y, hn};
}

bool recurrent_generation_fits(AnyDevice& any, const kernels::GenerationNetwork& network,
                               const kernels::Grammar* grammar) {
  return std::visit([&](auto& device) { return kernels::generation_fits(device, network, grammar); }, any);
}

void recurrent_generate(AnyDevice& any, const kernels::GenerationNetwork& network,
                        const kernels::GenerationState& state, const kernels::GenerationDraws& draws) {
  std::visit([&](auto& device) { kernels::recurrent_generate(device, network, state, draws); }, any);
}

Var last_states(Tape& tape, const Var& hn, const RecurrentShape& s) {
  require(s.directions == 2, "last_states joins two directions");
  const Var y = tape.output({s.B, 2 * s.H}, hn.dtype(), hn.needs_gradient());
  const Index top = (s.layers - 1) * 2 * s.B * s.H;
  // body(device, the top layer's state of a direction, its half of both), for both directions.
  const auto for_both = [s, top](AnyDevice& any, const Tensor& all, const Tensor& both, auto&& body) {
    dispatch(any, all.dtype, [&](auto& device, auto type) {
      using T = typename decltype(type)::type;
      for (Index direction = 0; direction < 2; ++direction)
        body(device, View<T, 2>(all.vector<T>().data() + top + direction * s.B * s.H, {s.B, s.H}),
             both.matrix<T>().column_block(direction * s.H, s.H));
    });
  };
  for_both(tape.device(), hn.value(), y.value(), [](auto& device, auto state, auto half) {
    using T = std::remove_pointer_t<decltype(state.data())>;
    kernels::copy<T>(device, state, half, Accumulate::no);
  });
  tape.record("last_states", y, [=](Tape& t) {
    const Tensor dy = t.gradient(y);
    if (!dy.data) return;
    const GradientSlot dhn = t.slot(hn);
    require(dhn.accumulate == Accumulate::no, "hn has one reader");
    fill_with(t.device(), dhn.tensor.data, 0, static_cast<std::size_t>(top) * bytes_of(hn.dtype()));
    for_both(t.device(), dhn.tensor, dy, [](auto& device, auto state, auto half) {
      using T = std::remove_pointer_t<decltype(state.data())>;
      kernels::copy<T>(device, half, state, Accumulate::no);
    });
  });
  return y;
}

}  // namespace polonaise
