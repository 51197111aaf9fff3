#pragma once

#include <array>
#include <cmath>
#include <span>
#include <vector>

#include "runtime/training/optimizer.h"
#include "runtime/training/shards.h"

namespace polonaise {

// Steps of training: forward and backward of a step's batches, then the optimizer. All that differs from step to step,
// the batches, the learning rate and where random numbers are, stands in the device's memory, and so does what a step
// reports. So a card repeats a recorded step (Recorder), and the host, which only arranges batches, waits for nothing
// but room for the next one.
class Training {
 public:
  // `parameters` and `optimizer` must outlive it.
  Training(Parameters& parameters, Optimizer& optimizer, std::uint64_t seed);
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;

  // Makes one step on the mean of the batches' losses, of which there are `targets`. The batches of a step count as
  // rows of one large batch, so that no two rows share their random numbers.
  void step(std::span<const Shards::Work> batches, Index targets);

  struct Report {
    long step = 0;
    Index targets = 0;
    LossSum loss;              // of these, in nats
    double gradient_norm = 0;  // of their mean's gradient, before clipping; where it is not finite nothing has changed
    float learning_rate = 0;
    bool finite() const { return std::isfinite(loss.total()) && std::isfinite(gradient_norm); }
  };
  // Waits for the steps since the last call and returns their reports, in order.
  std::vector<Report> reports();

  std::size_t arena_high_water() const { return shards_.arena_high_water(); }
  std::size_t memory() const { return shards_.memory(); }
  // Batches whose work was a replayed record.
  std::size_t replays() const { return shards_.replays(); }

 private:
  // The numbers that a step reads and those that it reports, in the device's memory, with the host's side of both for
  // each step that may be under way.
  struct Numbers {
    kernels::AdamWStep adamw;
    std::uint32_t step = 0;
  };
  struct Result {
    std::array<LossSum, Shards::kMostShards> losses;
    double squared_norm = 0;
  };
  struct Slot {
    Numbers numbers;
    Index targets = 0;
    Result result;
  };
  static constexpr std::size_t kSlots = 64;

  void collect();

  Optimizer& optimizer_;
  std::uint64_t seed_;
  Shards shards_;
  Buffer numbers_, result_;  // of the step that runs
  Buffer slots_;             // pinned memory: a ring that is emptied when it is full
  QueuedCopies copies_;
  std::size_t pending_ = 0;
  std::vector<Report> reports_;
};

}  // namespace polonaise
