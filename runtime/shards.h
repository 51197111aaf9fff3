#pragma once

#include <array>
#include <functional>
#include <vector>

#include "runtime/parameters.h"
#include "runtime/recorder.h"
#include "runtime/tape.h"

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
  // Forward of one shard: builds the tape, returns its losses, which are read after the backward pass. `gradients` is
  // the shard's slab, empty in inference.
  using Forward = std::function<TargetLossViews(Tape&, View<float, 1> gradients, Rows)>;

  explicit Shards(const Parameters& parameters)
      : parameters_(parameters), device_(parameters.device()), recorder_(device_) {}

  static constexpr Index kMostShards = 16;
  static Index count(const AnyDevice&, Index rows);
  static Rows rows(Index rows, Index shards, Index shard);

  // Forward and backward of all shards; the sum of the gradients is in gradients() afterwards, added to what was there
  // with Accumulate::yes (gradient accumulation).
  LossSum train(Index rows, const Tape::Place& place, Accumulate, const Forward&);
  // Forward only.
  LossSum infer(Index rows, const Forward&);

  // Forward in two parts, each with a tape of its own over one arena: first what a shard reads is put where its device
  // reads it, then `forward` works on it. All that its launches depend on is told by `key`; without one the work is
  // never recorded.
  struct Prepared {
    std::function<TargetLossViews(Tape&, View<float, 1> gradients)> forward;
    Recorder::Key key;
  };
  using Prepare = std::function<Prepared(Tape&, Rows)>;

  // The same as train(), but nobody waits for a card, and what follows preparation may be a record that is replayed.
  struct Work {
    Prepare prepare;
    View<LossSum, 1> losses;     // [kMostShards], the device's: of each shard, replaced or added to as gradients are
    std::function<void()> then;  // queues what comes after the sum of gradients
    Recorder::Key key;           // of `then`
  };
  void queue(Index rows, const Tape::Place& place, Accumulate, const Work&);
  // How often queue() replayed a record.
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
