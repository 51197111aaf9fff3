#include "runtime/training/parameters.h"

#include <cmath>
#include <cstdint>
#include <numbers>

#include "kernels/base/random.h"

namespace polonaise {

namespace {

constexpr Index kAlignment = 16;  // floats: every parameter starts on a cache line

Index aligned(Index n) {
  return ceil_div(n, kAlignment) * kAlignment;
}

// A parameter's numbers depend on its name, not on what else a model has (FNV-1a).
std::uint32_t stream_of(const std::string& name) {
  std::uint32_t hash = 2166136261u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

void draw(const Parameters::Entry& entry, std::uint64_t seed, float* out) {
  const kernels::RandomStream stream{seed, 0, stream_of(entry.name)};
  for (Index i = 0; i < entry.shape.size(); ++i) {
    const auto [a, b, c, d] = kernels::random_words(stream, 0, static_cast<std::uint32_t>(i));
    switch (entry.init) {
      case Parameters::Init::constant:
        out[i] = entry.bound;
        break;
      case Parameters::Init::uniform:
        out[i] = entry.bound * (2.0f * kernels::uniform(a) - 1.0f);
        break;
      case Parameters::Init::normal: {  // Box, Muller 1958
        const double radius = std::sqrt(-2.0 * std::log(1.0 - static_cast<double>(kernels::uniform(a))));
        const double angle = 2.0 * std::numbers::pi * static_cast<double>(kernels::uniform(b));
        out[i] = static_cast<float>(entry.bound * radius * std::cos(angle));
        break;
      }
    }
  }
}

// Elements of a slab or of its copy in bf16.
Tensor part(const Buffer& slab, const Buffer& in_bf16, Index offset, const Shape& shape, DType dtype) {
  if (dtype == DType::f32) return {slab.as<float>() + offset, shape, dtype};
  require(in_bf16.bytes() > 0, "parameters have copies in bf16 where activations are bf16");
  return {in_bf16.as<bf16>() + offset, shape, dtype};
}

}  // namespace

Parameters::Id Parameters::add(std::string name, const Shape& shape, Init init, float bound, Kind kind) {
  require(values_.bytes() == 0, "the table of parameters has ended");
  entries_.push_back({std::move(name), shape, init, bound, kind, size_});
  size_ += aligned(shape.size());
  return entries_.size() - 1;
}

Parameters::Id Parameters::add_derived(Index size, std::function<void(AnyDevice&, View<float, 1>)> fill) {
  return add_derived(size, true, std::move(fill));
}

Parameters::Id Parameters::add_table(Index size, std::function<void(AnyDevice&, View<float, 1>)> fill) {
  return add_derived(size, false, std::move(fill));
}

Parameters::Id Parameters::add_derived(Index size, bool follows_parameters,
                                       std::function<void(AnyDevice&, View<float, 1>)> fill) {
  require(values_.bytes() == 0, "the table of parameters has ended");
  derived_.push_back({derived_size_, size, follows_parameters, std::move(fill)});
  derived_size_ += aligned(size);
  return derived_.size() - 1;
}

void Parameters::allocate(std::uint64_t seed) {
  values_ = Buffer(*device_, static_cast<std::size_t>(size_) * sizeof(float));
  derived_values_ = Buffer(*device_, static_cast<std::size_t>(derived_size_) * sizeof(float));
  std::vector<float> drawn(static_cast<std::size_t>(size_));
  for (const Entry& entry : entries_) draw(entry, seed, drawn.data() + entry.offset);
  copy_to_device(*device_, values_.data(), drawn.data(), values_.bytes());
  for (const Derived& d : derived_) fill(d);
  if (activations_ == DType::f32) return;
  bf16_values_ = Buffer(*device_, static_cast<std::size_t>(size_) * sizeof(bf16));
  bf16_derived_ = Buffer(*device_, static_cast<std::size_t>(derived_size_) * sizeof(bf16));
  copy_to_bf16();
}

void Parameters::refresh() {
  for (const Derived& d : derived_)
    if (d.follows_parameters) fill(d);
  if (activations_ == DType::bf16) copy_to_bf16();
}

void Parameters::copy_to_bf16() {
  const auto copy = [&](const Buffer& from, const Buffer& to, Index size) {
    if (size > 0)
      convert(*device_, {from.data(), {size}, DType::f32}, {to.data(), {size}, DType::bf16}, Accumulate::no);
  };
  copy(values_, bf16_values_, size_);
  copy(derived_values_, bf16_derived_, derived_size_);
}

void Parameters::fill(const Derived& d) {
  d.fill(*device_, {derived_values_.as<float>() + d.offset, {d.size}});
}

Tensor Parameters::value(Id id, DType dtype) const {
  const Entry& entry = entries_.at(id);
  return part(values_, bf16_values_, entry.offset, entry.shape, dtype);
}

View<const float, 1> Parameters::derived(Id id) const {
  const Derived& d = derived_.at(id);
  return {derived_values_.as<float>() + d.offset, {d.size}};
}

Tensor Parameters::derived(Id id, const Shape& shape, DType dtype) const {
  const Derived& d = derived_.at(id);
  require(shape.size() <= d.size, "the shape is larger than what was derived");
  return part(derived_values_, bf16_derived_, d.offset, shape, dtype);
}

Var Parameters::on(Tape& tape, Id id, DType dtype) const {
  return on(tape, id, value(id, dtype));
}

Var Parameters::rows_on(Tape& tape, Id id, Index rows, DType dtype) const {
  Tensor first = value(id, dtype);
  require(first.shape.rank() == 2 && rows <= first.shape[0], "a matrix with that many rows is expected");
  first.shape = {rows, first.shape[1]};
  return on(tape, id, first);
}

Var Parameters::on(Tape& tape, Id id, const Tensor& value) const {
  Tensor gradient;
  if (!tape.gradients().empty()) gradient = {tape.gradients().data() + entries_.at(id).offset, value.shape, DType::f32};
  return tape.parameter(value, gradient);
}

}  // namespace polonaise
