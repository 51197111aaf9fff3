#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "runtime/device/memory.h"

namespace polonaise {

class CudaStream;

// An array of the host, whose address becomes that on the GPU.
struct UploadedArray {
  const void* values = nullptr;
  std::size_t bytes = 0;
};

// The path of a step's input from the host to a GPU: pinned memory, as much memory of the GPU, and a stream that copies
// the one to the other while the kernels of the step before run. There are two of each, used in turn, so that neither
// the host nor the copies wait for the kernels that read the last input.
class Inbox {
 public:
  explicit Inbox(AnyDevice& card) : card_(&card) {}

  // Pinned memory of this turn, 64-byte aligned, contents undefined.
  std::byte* allocate(std::size_t bytes);
  // Makes the arrays, none of them empty, those on the card, for kernels launched from now on. What stands in memory of
  // allocate() must stay as it is for this turn and the next; anything else is copied into such first. Arrays that
  // were allocated one after another, and are named in that order, go over in one copy.
  void send(std::span<UploadedArray> arrays);
  // Begins the next turn: kernels launched so far still find what was sent, before and in this one. Waits for copies of
  // the turn before this one alone.
  void turn();

  // Number of times that it took memory from the GPU: while that is the same, every second turn gets the same
  // addresses.
  std::size_t generation() const { return generation_; }
  // Number of copies that it made.
  std::size_t copies() const { return copies_; }

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
  const Chunk* chunk_of(const void* address) const;
  void grow(Side&, std::size_t bytes);

  AnyDevice* card_;
  std::shared_ptr<CudaStream> stream_;
  std::array<Side, 2> sides_;
  std::size_t now_ = 0, generation_ = 0, copies_ = 0;
};

}  // namespace polonaise
