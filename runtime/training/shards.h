#pragma once

#include <array>
#include <functional>
#include <vector>

#include "runtime/device/recorder.h"
#include "runtime/tape.h"
#include "runtime/training/parameters.h"

namespace polonaise {

// Sums of losses over targets, in nats: the tokens' or keys' term, and the durations' (0 where there is none).
struct LossSum {
  double main = 0;
  double duration = 0;

  double total() const { return main + duration; }
  LossSum& operator+=(const LossSum& other) {
    main += other.main;
    duration += other.duration;
    return *this;
  }
  friend LossSum operator+(LossSum a, const LossSum& b) { return a += b; }
};

// The losses that a shard leaves on its device, one a target.
struct TargetLossViews {
  View<const float, 1> main, durations;  // either may be empty
};
LossSum sum(const AnyDevice&, const TargetLossViews&);

// A step's batch cut into shards of rows. Each shard runs the whole network, forward and backward, on its own tape,
// arena and gradient slab; the slabs and losses are added in the order of the shards. How a batch is cut depends on its
// rows alone, so no result depends on the number of threads. A card takes the batch as one shard.
class Shards {
 public:
  struct Rows {
    Index first = 0, count = 0;
  };
  explicit Shards(const Parameters& parameters)
      : parameters_(parameters), device_(parameters.device()), recorder_(device_) {}

  static constexpr Index kMostShards = 16;
  static Index count(const AnyDevice&, Index rows);
  static Rows rows(Index rows, Index shards, Index shard);

  // Forward of all shards on tapes of inference; returns the sum of the losses that forward(tape, rows) returns.
  LossSum infer(Index rows, const std::function<TargetLossViews(Tape&, Rows)>& forward);

  // The forward pass of one shard, on a tape of its own: returns the losses, which are read after the backward pass.
  // Everything that its launches depend on is in `key`; without one it is never recorded.
  struct Prepared {
    std::function<TargetLossViews(Tape&)> forward;
    Recorder::Key key;
  };

  // The work of one batch in a training step.
  struct Work {
    Index rows = 0;
    // Puts what a shard reads into its device's memory, by another tape over the same arena. Called within queue().
    std::function<Prepared(Tape&, Rows)> prepare;
    std::function<void()> then = {};  // optional: queues what comes after the sum of gradients
  };
  // Queues the forward and backward pass of all shards; waits for no GPU, and may replay a record of what follows
  // preparation. gradients() becomes the sum of the shards' gradients and losses[i] (i < kMostShards, in the device's
  // memory) the sum of shard i's losses; where place.first_row > 0, a further batch of the same step, both are added
  // to.
  void queue(const Work&, const Tape::Place& place, View<LossSum, 1> losses);
  // Number of times that queue() replayed a record.
  std::size_t replays() const { return recorder_.replays(); }

  View<float, 1> gradients();

  // Most bytes that arenas held at once, over all steps so far.
  std::size_t arena_high_water() const;
  std::size_t arena_capacity() const;
  // Bytes of the device's memory that arenas and gradients take.
  std::size_t memory() const;

 private:
  struct Shard {
    AnyDevice device;  // one thread of the CPU
    Arena arena;
    Buffer gradients;
    explicit Shard(const AnyDevice& d) : device(d), arena(device) {}
  };
  void prepare(Index shards);
  template <class Body>
  void run(Index shards, Body&& body);

  const Parameters& parameters_;
  AnyDevice& device_;
  std::vector<std::unique_ptr<Shard>> shards_;
  Recorder recorder_;
  Buffer gradients_;
};

}  // namespace polonaise
