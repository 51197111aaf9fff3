#include "runtime/training/training.h"

#include <numeric>
#include <utility>

namespace polonaise {

Training::Training(Parameters& parameters, Optimizer& optimizer, std::uint64_t seed)
    : optimizer_(optimizer),
      seed_(seed),
      shards_(parameters),
      numbers_(parameters.device(), sizeof(Numbers)),
      result_(parameters.device(), sizeof(Result)),
      slots_(parameters.device(), kSlots * sizeof(Slot), Memory::pinned),
      copies_(parameters.device()) {}

void Training::step(std::span<const Shards::Work> batches, Index targets) {
  require(!batches.empty() && targets > 0, "a step has batches and targets");
  if (pending_ == kSlots) collect();
  Slot& slot = slots_.as<Slot>()[pending_];
  slot.numbers.adamw = optimizer_.next(1.0f / static_cast<float>(targets));
  slot.numbers.step = static_cast<std::uint32_t>(optimizer_.steps());
  slot.targets = targets;
  copies_.queue(numbers_.data(), &slot.numbers, sizeof slot.numbers);
  auto* const numbers = numbers_.as<Numbers>();
  auto* const result = result_.as<Result>();
  const View<LossSum, 1> losses(result->losses.data(), {Shards::kMostShards});
  Tape::Place place{seed_, 0, 0, &numbers->step};
  for (const Shards::Work& batch : batches) {
    Shards::Work work = batch;
    if (&batch == &batches.back())
      work.then = [&] { optimizer_.update(shards_.gradients(), &numbers->adamw, &result->squared_norm); };
    shards_.queue(work, place, losses);
    place.first_row += batch.rows;
  }
  copies_.queue(&slot.result, result, sizeof *result);
  ++pending_;
}

void Training::collect() {
  copies_.wait();
  for (std::size_t i = 0; i < pending_; ++i) {
    const Slot& slot = slots_.as<const Slot>()[i];
    const Result& result = slot.result;
    const auto scale = static_cast<double>(slot.numbers.adamw.scale);
    reports_.push_back({slot.numbers.step, slot.targets,
                        std::accumulate(result.losses.begin(), result.losses.end(), LossSum()),
                        std::sqrt(result.squared_norm) * scale, slot.numbers.adamw.learning_rate});
  }
  pending_ = 0;
}

std::vector<Training::Report> Training::reports() {
  collect();
  return std::exchange(reports_, {});
}

}  // namespace polonaise
