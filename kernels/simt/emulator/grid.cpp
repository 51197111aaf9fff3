#include "kernels/simt/emulator/grid.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "kernels/simt/emulator/sanitizers.h"

namespace polonaise::simt::emulator {

Grid* grid = nullptr;

namespace {

constexpr std::size_t kStackBytes = kAddressSanitizer || kThreadSanitizer ? 128 << 10 : 64 << 10;
// Stacks begin at different offsets into a page, or all would contend for the same lines of the caches.
constexpr std::size_t kColours = 16, kColourBytes = 256;
constexpr std::size_t kIdleYields = std::size_t{1} << 20;
// How often another block is chosen while lanes of this one can run: seldom, as stacks of thousands of lanes do not fit
// the caches. Where none can, another is chosen anyway.
constexpr std::size_t kLanesPerBlockChange = 64;

// Every choice of the emulator's, from POLONAISE_SIMT_SEED: splitmix64 (Steele, Lea, Flood 2014).
struct Random {
  std::uint64_t seed = [] {
    const char* text = std::getenv("POLONAISE_SIMT_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 10) : 1;
  }();
  std::uint64_t state = seed;

  std::size_t below(std::size_t n) {
    std::uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return static_cast<std::size_t>(((z ^ (z >> 31)) >> 32) * n >> 32);
  }
};
Random random_choice;

Stacks stacks;
SharedArenas arenas;

#ifdef POLONAISE_TSAN
// ThreadSanitizer's fibers are dear (0.5 ms, 0.8 MB) and few (8,128), so blocks use them again. A race between two
// blocks goes unseen where both had the same ones: the next blocks take the next ones of a ring.
class TsanFibers {
 public:
  static constexpr std::size_t kMost = 512, kBlocksApart = 4;

  void give(Grid& g) {
    const std::size_t size = std::max(g.lane_count, std::min(kMost, kBlocksApart * g.lane_count));
    while (fibers_.size() < size) fibers_.push_back(__tsan_create_fiber(0));
    if (next_ + g.lane_count > size) next_ = 0;
    for (std::size_t i = 0; i < g.lane_count; ++i) {
      Lane& lane = g.lanes[i];
      lane.fiber.tsan = fibers_[next_ + i];
      __tsan_set_fiber_name(lane.fiber.tsan, thread_text(lane).c_str());
    }
    next_ += g.lane_count;
  }

  // After an error: what the lanes did before they were left happens before what follows. Left in the middle of calls,
  // which the sanitizer counts, their fibers serve no more.
  void discard(Grid& g) {
    for (std::size_t i = 0; i < g.lane_count; ++i) {
      __tsan_switch_to_fiber(g.lanes[i].fiber.tsan, 1);
      release(&g.end);
    }
    __tsan_switch_to_fiber(g.host.tsan, 1);
    acquire(&g.end);
    for (void* fiber : fibers_) __tsan_destroy_fiber(fiber);
    fibers_.clear();
    next_ = 0;
  }

 private:
  std::vector<void*> fibers_;
  std::size_t next_ = 0;
};
TsanFibers tsan_fibers;
#endif

Extent coordinates(std::size_t i, Extent extent) {
  return {static_cast<unsigned>(i % extent.x), static_cast<unsigned>(i / extent.x % extent.y),
          static_cast<unsigned>(i / extent.x / extent.y)};
}

std::size_t volume(Extent extent) {
  return std::size_t{extent.x} * extent.y * extent.z;
}

void run_on(Lane& next) {
  Lane* const before = grid->running;
  if (&next == before) return;
  grid->running = &next;
  threadIdx = next.thread;
  blockIdx = next.block->index;
  switch_fibers(before != nullptr ? before->fiber : grid->host, next.fiber, before != nullptr && before->done);
}

// Ends the launch, from a lane: what is left of it is never resumed.
[[noreturn]] void leave() {
  release(&grid->end);
  Lane* const last = grid->running;
  grid->running = nullptr;
  switch_fibers(last->fiber, grid->host, true);
  __builtin_trap();
}

[[noreturn]] void report_deadlock() {
  for (std::size_t i = 0; i < grid->lane_count; ++i)
    if (const Lane& lane = grid->lanes[i]; lane.waits_for != nullptr)
      fail("deadlock: every thread waits, this one at " + std::string(lane.waits_for), lane, lane.here);
  __builtin_trap();
}

void may_run(std::vector<Lane*>& lanes, Lane& lane) {
  lanes.push_back(&lane);
  Block& block = *lane.block;
  if (!block.listed) grid->runnable.push_back(&block);
  block.listed = true;
}

// One with a lane that may run. Lanes that spin get their turn when their block does.
Block& choose_block() {
  std::vector<Block*>& blocks = grid->runnable;
  while (!blocks.empty()) {
    Block*& chosen = blocks[random_choice.below(blocks.size())];
    Block& block = *chosen;
    for (Lane* lane : block.spinning) block.ready.push_back(lane);
    block.spinning.clear();
    if (!block.ready.empty()) return block;
    block.listed = false;
    chosen = blocks.back();
    blocks.pop_back();
  }
  report_deadlock();
}

void run_any() {
  if (grid->current == nullptr || grid->current->ready.empty() || random_choice.below(kLanesPerBlockChange) == 0)
    grid->current = &choose_block();
  std::vector<Lane*>& ready = grid->current->ready;
  Lane*& chosen = ready[random_choice.below(ready.size())];
  Lane* const next = chosen;
  chosen = ready.back();
  ready.pop_back();
  run_on(*next);
}

// A block cannot pass a barrier that one of its lanes will never reach.
void check_nobody_waits_for(const Lane& lane) {
  Block& block = *lane.block;
  if (block.barrier.arrived > 0)
    fail("a thread exits while others of its block wait at __syncthreads() in " + place(block.barrier.here), lane, {});
  for (const Meeting& meeting : block.warps[lane.index / kWarp].meetings)
    if (meeting.arrived != meeting.mask && (meeting.mask >> lane.index % kWarp & 1) != 0)
      fail("a thread exits while others of its warp wait for it in " + place(meeting.here), lane, {});
}

void lane_entry() {
  try {
    acquire(&grid->begin);
    grid->thread->run();
    Lane& lane = *grid->running;
    check_nobody_waits_for(lane);
    drop_copies(lane);
    release(&grid->end);
    lane.done = true;
    lane.block->barrier.exited = lane.block->cluster->exited = &lane;
    if (--grid->live > 0) run_any();  // does not return
  } catch (const std::exception& error) {
    grid->error = error.what();
  }
  leave();
}

// Makes the blocks [first, first + count) of `order` resident and runs them to their ends.
void run_window(Grid& g, const std::vector<std::size_t>& order, std::size_t first, std::size_t count) {
  const std::size_t threads = volume(g.threads);
  g.lane_count = g.live = count * threads;
  g.lanes = std::make_unique<Lane[]>(g.lane_count);
  g.resident = std::vector<Block>(count);
  g.clusters = std::vector<Barrier>(count / g.cluster);
  g.runnable.clear();
  g.runnable.reserve(count);
  g.current = nullptr;
  stacks.reserve(g.lane_count, kStackBytes);
  arenas.give(g.resident, g.dynamic_bytes);
  for (std::size_t i = 0; i < g.clusters.size(); ++i) {
    g.clusters[i].lanes = &g.lanes[i * g.cluster * threads];
    g.clusters[i].count = static_cast<unsigned>(g.cluster * threads);
  }
  for (std::size_t b = 0; b < count; ++b) {
    Block& block = g.resident[b];
    block.index = coordinates(order[(first + b) / g.cluster] * g.cluster + b % g.cluster, g.blocks);
    block.rank = static_cast<unsigned>(b % g.cluster);
    block.barrier.lanes = &g.lanes[b * threads];
    block.barrier.count = static_cast<unsigned>(threads);
    block.cluster = &g.clusters[b / g.cluster];
    block.warps = std::make_unique<Warp[]>((threads + kWarp - 1) / kWarp);
    block.ready.reserve(threads);  // all there is to allocate: ThreadSanitizer watches who does while lanes run
    block.spinning.reserve(threads);
    for (std::size_t t = 0; t < threads; ++t) {
      Lane& lane = block.barrier.lanes[t];
      lane.block = &block;
      lane.index = static_cast<unsigned>(t);
      lane.thread = coordinates(t, g.threads);
      prepare(lane.fiber, stacks.low(b * threads + t), kStackBytes - t % kColours * kColourBytes, lane_entry);
      may_run(block.ready, lane);
    }
  }
#ifdef POLONAISE_TSAN
  tsan_fibers.give(g);
#endif
  release(
      &g.begin);  // in each window, for its stacks and shared memory are new; lanes release nothing to their host yet
  run_any();
}

// The clusters of the grid (of one block each, where there are none) in random order.
std::vector<std::size_t> shuffled_clusters(const Grid& g) {
  std::vector<std::size_t> order(volume(g.blocks) / g.cluster);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_choice.below(i)]);
  return order;
}

}  // namespace

void run(Grid& g) {
  grid = &g;
  blockDim = g.threads;
  gridDim = g.blocks;
  adopt_thread(g.host);
  const std::size_t blocks = volume(g.blocks), window = g.cooperative ? blocks : g.cluster;
  const auto order = shuffled_clusters(g);
  for (std::size_t first = 0; first < blocks && g.error.empty(); first += window) run_window(g, order, first, window);
  acquire(&g.end);
  grid = nullptr;
  if (g.error.empty()) return;
#ifdef POLONAISE_TSAN
  tsan_fibers.discard(g);
#endif
  for (std::size_t i = 0; i < g.lane_count; ++i) drop_copies(g.lanes[i]);
  throw std::runtime_error(g.error);
}

void wait(const char* waits_for, Here here) {
  Lane& lane = *grid->running;
  lane.waits_for = waits_for;
  lane.here = here;
  run_any();
}

void wake(Lane& lane) {
  lane.waits_for = nullptr;
  grid->idle_yields = 0;
  may_run(lane.block->ready, lane);
}

void reshuffle() {
  may_run(grid->running->block->ready, *grid->running);
  run_any();
}

void yield(Here here) {
  if (++grid->idle_yields > kIdleYields) fail("deadlock: threads wait for a word that nobody writes", here);
  may_run(grid->running->block->spinning, *grid->running);
  run_any();
}

void fence() {
  release(&grid->fences);
  acquire(&grid->fences);
}

bool same_place(Here a, Here b) {
  return a.line() == b.line() && (a.file_name() == b.file_name() || std::string_view(a.file_name()) == b.file_name());
}

std::string place(Here here) {
  return std::string(here.file_name()) + ":" + std::to_string(here.line());
}

std::string thread_text(const Lane& lane) {
  const auto text = [](Extent e) {
    return "(" + std::to_string(e.x) + "," + std::to_string(e.y) + "," + std::to_string(e.z) + ")";
  };
  return "block " + text(lane.block->index) + " thread " + text(lane.thread);
}

void fail(const std::string& what, const Lane& lane, Here here) {
  throw std::runtime_error("the kernel of " + std::string(grid->name) + ": " + what + ": " + thread_text(lane) +
                           (here.line() > 0 ? " at " + place(here) : "") +
                           " (POLONAISE_SIMT_SEED=" + std::to_string(random_choice.seed) + ")");
}

void fail(const char* what, Here here) {
  fail(std::string(what), *grid->running, here);
}

}  // namespace polonaise::simt::emulator
