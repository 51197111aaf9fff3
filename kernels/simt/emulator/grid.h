#pragma once

// The emulator's state while a grid runs. Lanes that ThreadSanitizer holds to be unordered share it, which is right
// because one runs at a time; so it is touched by the emulator alone, which is compiled without that sanitizer.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/cuda/host/launch.h"
#include "kernels/simt/emulator/fiber.h"
#include "kernels/simt/emulator/lane.h"

namespace polonaise::simt::emulator {

inline constexpr unsigned kWarp = 32;

struct Block;

struct Lane {
  Fiber fiber;
  Block* block = nullptr;
  unsigned index = 0;  // in the block
  Extent thread;
  bool done = false;
  const char* waits_for = nullptr;  // null: it is ready
  Here here;                        // of the operation that it is in
  std::uint64_t word = 0, result = 0;
  unsigned operand = 0;
  int width = 0;
  void* operands = nullptr;
  struct PendingCopy {
    Copy copy;
    unsigned group;
    PendingCopy* next;
  };
  PendingCopy *first_copy = nullptr, *last_copy = nullptr;  // in order of issue
  unsigned groups = 0;                                      // committed so far
};

// Lanes that meet at one operation of a warp. It is theirs until the last has left, so that no two meetings share what
// orders them.
struct Meeting {
  unsigned mask = 0, arrived = 0, left = 0;
  WarpOperation operation = WarpOperation::sync;
  Here here;
  void (*work)(void* const (&operands)[kWarp]) = nullptr;
};

struct Warp {
  Meeting meetings[kWarp];
};

// A barrier of neighbouring lanes: a block's or a cluster's. Its two objects serve in turn: a lane may arrive at the
// next barrier before another has left this one.
struct Barrier {
  Lane* lanes = nullptr;
  unsigned count = 0;
  unsigned arrived = 0;
  unsigned passed = 0;
  const Lane* exited = nullptr;  // one that nobody can wait for any more
  Here here;
  char order[2] = {};
};

struct SharedSlot {
  const void* key;
  char* memory;
  std::size_t bytes;
};

struct Block {
  Extent index;
  unsigned rank = 0;  // in its cluster
  Barrier barrier;    // of its lanes
  Barrier* cluster = nullptr;
  std::unique_ptr<Warp[]> warps;
  char* shared = nullptr;  // the arena, kSharedArena bytes
  std::size_t shared_used = 0, shared_asked = 0;
  std::vector<SharedSlot> slots;
  char* dynamic = nullptr;
  std::vector<Lane*> ready, spinning;  // its lanes that may run next; the latter wait for a word that others write
  bool listed = false;                 // among the grid's
};

struct Grid {
  const char* name = "";
  Extent blocks, threads;
  std::size_t dynamic_bytes = 0;
  unsigned cluster = 1;
  bool cooperative = false;
  const EmulatedThread* thread = nullptr;

  Fiber host;
  std::vector<Block> resident;
  std::unique_ptr<Lane[]> lanes;
  std::size_t lane_count = 0;
  std::vector<Block*> runnable;  // those with a lane that may run next, and some without
  Block* current = nullptr;
  Lane* running = nullptr;
  std::size_t live = 0;
  std::size_t idle_yields = 0;    // in a row
  std::vector<Barrier> clusters;  // of the resident blocks
  std::string error;
  char begin = 0, end = 0, fences = 0;  // objects that order memory
};

extern Grid* grid;  // the one that runs

// The shared memory of a block: compute capability 9.0's (CUDA C++ Programming Guide, table "Technical
// Specifications per Compute Capability").
inline constexpr std::size_t kStaticShared = 48 << 10;
inline constexpr std::size_t kSharedPerBlock = 227 << 10;

// Runs every block of `grid`, in seeded random order. Throws std::runtime_error where the kernel breaks a rule.
void run(Grid& grid);

// Puts the running lane to sleep until wake(); runs another.
void wait(const char* waits_for, Here);
void wake(Lane&);
// Runs `work` once for a warp, when all its lanes have arrived with their operands. It orders no memory.
using WarpWork = void (*)(void* const (&operands)[kWarp]);
void together(WarpWork work, void* operands, Here);

// Lets chance decide who runs next; the running lane is among them.
void reshuffle();

bool same_place(Here a, Here b);
std::string place(Here);
std::string thread_text(const Lane&);
[[noreturn]] void fail(const std::string& what, const Lane&, Here);

// Forgets the lane's copies that were not waited for.
void drop_copies(Lane&);

// The memory that blocks take for SHARED() and dynamic_shared(). ThreadSanitizer sees fresh pages in each.
class SharedArenas {
 public:
  ~SharedArenas() { release(); }
  void give(std::vector<Block>& blocks, std::size_t dynamic_bytes);

 private:
  void release();
  char* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace polonaise::simt::emulator
