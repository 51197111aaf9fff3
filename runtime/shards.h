#pragma once

#include <array>
#include <functional>
#include <vector>

#include "runtime/parameters.h"
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

  explicit Shards(const Parameters& parameters) : parameters_(parameters), device_(parameters.device()) {}

  static Index count(const AnyDevice&, Index rows);
  static Rows rows(Index rows, Index shards, Index shard);

  // Forward and backward of all shards; the sum of the gradients is in gradients() afterwards, added to what was there
  // with Accumulate::yes (gradient accumulation).
  LossSum train(Index rows, const Tape::Place& place, Accumulate, const Forward&);
  // Forward only.
  LossSum infer(Index rows, const Forward&);

  View<float, 1> gradients();

  // Most bytes that arenas held at once, over all steps so far.
  std::size_t arena_high_water() const;
  std::size_t arena_capacity() const;

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
  Buffer gradients_;
};

}  // namespace polonaise
