#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "runtime/memory.h"

namespace polonaise {

class CudaStream;

// What the host sends to a card for one step: pinned memory, as much of the card's, and a stream of its own, on which
// the one is copied to the other beside the kernels of the step before. There are two of each, used in turn, so that
// neither the host nor the copies wait for the kernels that read what was sent last.
class Inbox {
 public:
  explicit Inbox(AnyDevice& card) : card_(&card) {}

  // Pinned memory of this turn, 64-byte aligned, contents undefined.
  std::byte* allocate(std::size_t bytes);
  // The values on the card, for kernels launched from now on. What stands in memory of allocate() must stay as it is
  // for this turn and the next; anything else is copied into such first.
  const void* send(const void* values, std::size_t bytes);
  // Begins the next turn: kernels launched so far still find what was sent, before and in this one. Waits for copies of
  // the turn before this one alone.
  void turn();

  // How often it took memory from the card: while that is the same, every second turn gets the same addresses.
  std::size_t generation() const { return generation_; }

 private:
  struct Chunk {
    Buffer host, card;
  };
  struct Side {
    std::vector<Chunk> chunks;  // the last one is being filled
    std::size_t used = 0;       // bytes of it
    // Until where in their streams its copies are made, and its values read.
    std::shared_ptr<CudaEvent> sent, read;
  };

  Side& side();
  void grow(Side&, std::size_t bytes);

  AnyDevice* card_;
  std::shared_ptr<CudaStream> stream_;
  std::array<Side, 2> sides_;
  std::size_t now_ = 0, generation_ = 0;
};

}  // namespace polonaise
