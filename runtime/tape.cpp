#include "runtime/tape.h"

#include <utility>

namespace polonaise {

namespace {
std::size_t size_of(DType dtype) {
  return dtype == DType::f32 ? 4 : 2;
}
}  // namespace

kernels::RandomStream Tape::random_stream(std::uint32_t count) {
  const kernels::RandomStream stream{place_.seed, place_.step, next_stream_};
  next_stream_ += count;
  return stream;
}

Var Tape::output(const Shape& shape, DType dtype, bool needs_gradient) {
  std::byte* data = arena_->allocate(static_cast<std::size_t>(shape.size()) * size_of(dtype));
  return Var(&states_.emplace_back(Var::State{{data, shape, dtype}, {}, training_ && needs_gradient, false}));
}

Var Tape::constant(const Tensor& value) {
  return Var(&states_.emplace_back(Var::State{value, {}, false, false}));
}

Var Tape::parameter(const Tensor& value, const Tensor& gradient) {
  return Var(&states_.emplace_back(Var::State{value, gradient, training_ && gradient.data, true}));
}

Tensor Tape::gradient(const Var& var) const {
  return var.state_->gradient_written ? var.state_->gradient : Tensor{};
}

GradientSlot Tape::slot(const Var& var) {
  if (!var.needs_gradient()) return {};
  Var::State& state = *var.state_;
  if (std::exchange(state.gradient_written, true)) return {state.gradient, Accumulate::yes};
  const std::size_t bytes = static_cast<std::size_t>(state.value.shape.size()) * size_of(state.value.dtype);
  state.gradient = {arena_->allocate(bytes), state.value.shape, state.value.dtype};
  return {state.gradient, Accumulate::no};
}

void Tape::backward() {
  while (!nodes_.empty()) {
    const Node node = std::move(nodes_.back());
    nodes_.pop_back();
    node.backward(*this);
  }
}

}  // namespace polonaise
