#include "runtime/tape.h"

#include <algorithm>
#include <utility>

namespace polonaise {

namespace {
std::size_t bytes_of(const Shape& shape, DType dtype) {
  return static_cast<std::size_t>(shape.size()) * bytes_of(dtype);
}
std::size_t bytes_of(const Tensor& tensor) {
  return bytes_of(tensor.shape, tensor.dtype);
}
}  // namespace

kernels::RandomStream Tape::random_stream(std::uint32_t count) {
  const kernels::RandomStream stream{place_.seed, place_.step, next_stream_, place_.step_at};
  next_stream_ += count;
  return stream;
}

Var Tape::output(const Shape& shape, DType dtype, bool needs_gradient) {
  std::byte* data = arena_->allocate(bytes_of(shape, dtype));
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
  const std::size_t bytes = bytes_of(state.value);
  const auto free = std::ranges::find(free_, bytes, &FreeMemory::bytes);
  void* memory = nullptr;
  if (free != free_.end()) {
    memory = free->data;
    free_.erase(free);
  } else {
    memory = arena_->allocate(bytes);
  }
  state.gradient = {memory, state.value.shape, state.value.dtype};
  return {state.gradient, Accumulate::no};
}

void Tape::release_gradient(const Var& var) {
  if (!var || !var.state_->gradient.data) return;
  free_.push_back({var.state_->gradient.data, bytes_of(var.state_->value)});
  var.state_->gradient = {};
}

void Tape::backward() {
  while (!nodes_.empty()) {
    const Node node = std::move(nodes_.back());
    nodes_.pop_back();
    node.backward(*this);
    release_gradient(node.output);
    release_gradient(node.second_output);
  }
}

}  // namespace polonaise
