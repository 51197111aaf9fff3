#include "runtime/shards.h"

#include <algorithm>
#include <exception>
#include <numeric>

#include "kernels/cpu/parallel.h"
#include "kernels/optimizer.h"

namespace polonaise {

namespace {

constexpr Index kRowsPerShard = 8;
constexpr Index kMostShards = 16;

}  // namespace

LossSum sum(const AnyDevice& device, const TargetLossViews& losses) {
  const OnHost main(device, losses.main), durations(device, losses.durations);
  LossSum sum;
  for (Index i = 0; i < losses.main.size(); ++i) sum.main += static_cast<double>(main[i]);
  for (Index i = 0; i < losses.durations.size(); ++i) sum.duration += static_cast<double>(durations[i]);
  return sum;
}

Index Shards::count(const AnyDevice& device, Index rows) {
  return std::holds_alternative<Cpu>(device) ? std::min(kMostShards, ceil_div(rows, kRowsPerShard)) : 1;
}

Shards::Rows Shards::rows(Index rows, Index shards, Index shard) {
  const Index first = rows * shard / shards;
  return {first, rows * (shard + 1) / shards - first};
}

void Shards::prepare(Index shards) {
  while (static_cast<Index>(shards_.size()) < shards) shards_.push_back(std::make_unique<Shard>(one_shard(device_)));
}

// body(shard, index) for each; the first failing shard's exception is thrown on.
template <class Body>
void Shards::run(Index shards, Body&& body) {
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(shards));
  kernels::parallel_for(Cpu{shard_threads(device_)}, shards, [&](Index i) {
    try {
      body(*shards_[static_cast<std::size_t>(i)], i);
    } catch (...) {
      failures[static_cast<std::size_t>(i)] = std::current_exception();
    }
  });
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

LossSum Shards::train(Index batch_rows, const Tape::Place& place, Accumulate accumulate, const Forward& forward) {
  const Index n = count(device_, batch_rows);
  prepare(n);
  std::vector<LossSum> losses(static_cast<std::size_t>(n));
  std::vector<View<const float, 1>> slabs(static_cast<std::size_t>(n));
  run(n, [&](Shard& shard, Index i) {
    const Index size = parameters_.size();
    if (shard.gradients.bytes() == 0)
      shard.gradients = Buffer(shard.device, static_cast<std::size_t>(size) * sizeof(float));
    const View<float, 1> slab(shard.gradients.as<float>(), {size});
    fill_with_zeros(shard.device, slab);
    shard.arena.reset();
    const Rows shard_rows = rows(batch_rows, n, i);
    Tape::Place shard_place = place;
    shard_place.first_row += shard_rows.first;
    Tape tape = Tape::training(shard.device, shard.arena, shard_place);
    const TargetLossViews shard_losses = forward(tape, slab, shard_rows);
    tape.backward();
    losses[static_cast<std::size_t>(i)] = sum(shard.device, shard_losses);
    slabs[static_cast<std::size_t>(i)] = slab;
  });
  std::visit([&](auto& device) { kernels::sum_slabs(device, slabs, gradients(), accumulate); }, device_);
  return std::accumulate(losses.begin(), losses.end(), LossSum());
}

LossSum Shards::infer(Index batch_rows, const Forward& forward) {
  const Index n = count(device_, batch_rows);
  prepare(n);
  std::vector<LossSum> losses(static_cast<std::size_t>(n));
  run(n, [&](Shard& shard, Index i) {
    shard.arena.reset();
    Tape tape = Tape::inference(shard.device, shard.arena);
    losses[static_cast<std::size_t>(i)] = sum(shard.device, forward(tape, {}, rows(batch_rows, n, i)));
  });
  return std::accumulate(losses.begin(), losses.end(), LossSum());
}

View<float, 1> Shards::gradients() {
  if (gradients_.bytes() == 0)
    gradients_ = Buffer(device_, static_cast<std::size_t>(parameters_.size()) * sizeof(float));
  return {gradients_.as<float>(), {parameters_.size()}};
}

std::size_t Shards::arena_high_water() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) sum += shard->arena.high_water();
  return sum;
}

std::size_t Shards::arena_capacity() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) sum += shard->arena.capacity();
  return sum;
}

}  // namespace polonaise
