#include "runtime/training/shards.h"

#include <algorithm>
#include <exception>
#include <numeric>

#include "kernels/cpu/parallel.h"
#include "kernels/optimizer/adamw.h"

namespace polonaise {

namespace {

constexpr Index kRowsPerShard = 8;

// Adds up a shard's losses where the device is.
void add_sums(AnyDevice& any, const TargetLossViews& losses, LossSum* sum) {
  std::visit(
      [&](auto& device) {
        kernels::sum_elements(device, losses.main, &sum->main, Accumulate::yes);
        if (!losses.durations.empty()) kernels::sum_elements(device, losses.durations, &sum->duration, Accumulate::yes);
      },
      any);
}

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

void Shards::queue(const Work& work, const Tape::Place& place, View<LossSum, 1> losses) {
  require(work.rows > 0, "a batch has rows");
  const Index n = count(device_, work.rows), size = parameters_.size();
  const Accumulate accumulate = place.first_row > 0 ? Accumulate::yes : Accumulate::no;
  prepare(n);
  const View<float, 1> total = gradients();
  const bool alone = n == 1 && accumulate == Accumulate::no;  // its gradients are the sum
  const auto slab_of = [&](const Shard& shard) {
    return alone ? total : View<float, 1>(shard.gradients.as<float>(), {size});
  };
  const auto tape_of = [&](Shard& shard, Index i) {
    Tape::Place of_shard = place;
    of_shard.first_row += rows(work.rows, n, i).first;
    return Tape::training(shard.device, shard.arena, of_shard, slab_of(shard));
  };
  std::vector<Prepared> prepared(static_cast<std::size_t>(n));
  run(n, [&](Shard& shard, Index i) {
    if (!alone && shard.gradients.bytes() == 0)
      shard.gradients = Buffer(shard.device, static_cast<std::size_t>(size) * sizeof(float));
    shard.arena.reset();
    Tape tape = tape_of(shard, i);
    prepared[static_cast<std::size_t>(i)] = work.prepare(tape, rows(work.rows, n, i));
  });
  const auto compute = [&] {
    if (accumulate == Accumulate::no) fill_with(device_, losses.data(), 0, kMostShards * sizeof(LossSum));
    std::vector<View<const float, 1>> slabs(static_cast<std::size_t>(n));
    run(n, [&](Shard& shard, Index i) {
      fill_with_zeros(shard.device, slab_of(shard));
      Tape tape = tape_of(shard, i);
      const TargetLossViews targets = prepared[static_cast<std::size_t>(i)].forward(tape);
      tape.backward();
      add_sums(shard.device, targets, losses.data() + i);
      slabs[static_cast<std::size_t>(i)] = slab_of(shard);
    });
    if (!alone) std::visit([&](auto& device) { kernels::sum_slabs(device, slabs, total, accumulate); }, device_);
    if (work.then) work.then();
  };
  const Recorder::Key& of_batch = prepared.front().key;  // where work is recorded, on a card, there is one shard
  if (of_batch.empty()) return compute();
  const Recorder::Key key(work.rows, place.first_row, place.seed, place.step_at, losses, static_cast<bool>(work.then),
                          of_batch);
  recorder_.run(key, shards_.front()->arena.generation(), compute);
}

LossSum Shards::infer(Index batch_rows, const std::function<TargetLossViews(Tape&, Rows)>& forward) {
  const Index n = count(device_, batch_rows);
  prepare(n);
  std::vector<LossSum> losses(static_cast<std::size_t>(n));
  run(n, [&](Shard& shard, Index i) {
    shard.arena.reset();
    Tape tape = Tape::inference(shard.device, shard.arena);
    losses[static_cast<std::size_t>(i)] = sum(shard.device, forward(tape, rows(batch_rows, n, i)));
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

std::size_t Shards::memory() const {
  std::size_t sum = gradients_.bytes() + arena_capacity();
  for (const auto& shard : shards_) sum += shard->gradients.bytes();
  return sum;
}

std::size_t Shards::arena_capacity() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) sum += shard->arena.capacity();
  return sum;
}

}  // namespace polonaise
