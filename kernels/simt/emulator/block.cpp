#include <sys/mman.h>

#include <new>

#include "kernels/simt/emulator/grid.h"
#include "kernels/simt/emulator/sanitizers.h"

namespace polonaise::simt::emulator {
namespace {

// Room for all that a block may have, and for what cannot be touched between.
constexpr std::size_t kArena = 320 << 10, kGap = 128, kAlignment = 128, kMostSlots = 64;

void meet(Barrier& barrier, const char* name, Here here) {
  if (barrier.exited != nullptr)
    fail(std::string(name) + " after " + thread_text(*barrier.exited) + " has exited", *grid->running, here);
  if (barrier.arrived == 0) barrier.here = here;
  if (!same_place(barrier.here, here))
    fail(std::string(name) + " in divergent code, others wait at " + place(barrier.here), *grid->running, here);
  char* const order = &barrier.order[barrier.passed % 2];
  release(order);
  if (++barrier.arrived < barrier.count) {
    wait(name, here);
  } else {
    barrier.arrived = 0;
    ++barrier.passed;
    for (unsigned i = 0; i < barrier.count; ++i)
      if (&barrier.lanes[i] != grid->running) wake(barrier.lanes[i]);
    reshuffle();
  }
  acquire(order);
}

// A signalling pattern: NaN as float, double and bf16, and no valid index. Not by memset, which ThreadSanitizer
// watches.
void fill_with_nan(char* memory, std::size_t bytes) {
  std::size_t i = 0;
  for (; i + 8 <= bytes; i += 8) *reinterpret_cast<volatile std::uint64_t*>(memory + i) = ~std::uint64_t{0};
  for (; i < bytes; ++i) *const_cast<volatile char*>(memory + i) = static_cast<char>(0xFF);
}

char* take(Block& block, std::size_t bytes) {
  char* const memory = block.shared + block.shared_used;
  block.shared_used += (bytes + kGap + kAlignment - 1) / kAlignment * kAlignment;
  block.shared_asked += bytes;
  unpoison(memory, bytes);
  fill_with_nan(memory, bytes);
  return memory;
}

char* slot(Block& block, const void* key, std::size_t bytes, Here here) {
  for (const SharedSlot& slot : block.slots)
    if (slot.key == key) return slot.memory;
  if (block.shared_asked - grid->dynamic_bytes + bytes > kStaticShared)
    fail("more than 48 KiB of SHARED() memory", here);
  if (block.shared_asked + bytes > kSharedPerBlock) fail("more shared memory than a block may have", here);
  if (block.slots.size() == kMostSlots) fail("more than 64 SHARED() lines", here);
  block.slots.push_back({key, take(block, bytes), bytes});
  return block.slots.back().memory;
}

}  // namespace

void SharedArenas::give(std::vector<Block>& blocks, std::size_t dynamic_bytes) {
  if (kThreadSanitizer || blocks.size() * kArena > bytes_) {
    release();
    bytes_ = blocks.size() * kArena;
    void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    memory_ = static_cast<char*>(memory);
  }
  poison(memory_, blocks.size() * kArena);
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    blocks[b].shared = memory_ + b * kArena;
    blocks[b].shared_used = kGap;
    blocks[b].slots.reserve(kMostSlots);
    if (dynamic_bytes > 0) blocks[b].dynamic = take(blocks[b], dynamic_bytes);
  }
}

void SharedArenas::release() {
  if (memory_ == nullptr) return;
  unpoison(memory_, bytes_);
  munmap(memory_, bytes_);
  memory_ = nullptr;
}

void sync_block(Here here) {
  meet(grid->running->block->barrier, "__syncthreads()", here);
}

void* shared_memory(const void* key, std::size_t bytes, Here here) {
  return slot(*grid->running->block, key, bytes, here);
}

void* dynamic_shared_memory(Here here) {
  char* const memory = grid->running->block->dynamic;
  if (memory == nullptr) fail("dynamic_shared() in a launch without shared_bytes", here);
  return memory;
}

void sync_cluster(Here here) {
  meet(*grid->running->block->cluster, "cluster_sync()", here);
}

unsigned cluster_rank() {
  return grid->running->block->rank;
}

unsigned cluster_blocks() {
  return grid->cluster;
}

void* shared_of_rank(void* mine, unsigned rank, Here here) {
  Block& block = *grid->running->block;
  if (rank >= grid->cluster) fail("cluster_shared() of a rank that the cluster does not have", here);
  Block& other = *block.cluster->lanes[rank * block.barrier.count].block;
  char* const address = static_cast<char*>(mine);
  if (block.dynamic != nullptr && address >= block.dynamic && address < block.dynamic + grid->dynamic_bytes)
    return other.dynamic + (address - block.dynamic);
  for (const SharedSlot& mine_of : block.slots)
    if (address >= mine_of.memory && address < mine_of.memory + mine_of.bytes)
      return slot(other, mine_of.key, mine_of.bytes, here) + (address - mine_of.memory);
  fail("cluster_shared() of what is not in shared memory", here);
}

}  // namespace polonaise::simt::emulator
