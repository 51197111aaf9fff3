#pragma once

#include <cstddef>

namespace polonaise::simt::emulator {

// A stack to run on, and what the sanitizers keep about it. Switches carry no happens-before: ThreadSanitizer takes
// each fiber for a thread of its own.
struct Fiber {
  void* context = nullptr;    // of Boost.Context, valid while the fiber does not run
  void (*entry)() = nullptr;  // where it begins; never returns
  const void* stack = nullptr;
  std::size_t stack_bytes = 0;
  void* fake_stack = nullptr;  // AddressSanitizer's
  void* tsan = nullptr;        // ThreadSanitizer's
};

// Makes `fiber` begin at `entry`, on the stack [low, low + bytes).
void prepare(Fiber& fiber, void* low, std::size_t bytes, void (*entry)());

// Runs `to` on; returns when somebody switches back. Where `last` is set nobody will.
void switch_fibers(Fiber& from, Fiber& to, bool last = false);

// Takes the running thread for a fiber to switch back to.
void adopt_thread(Fiber& fiber);

// `count` stacks of `bytes` each, in memory that no fiber has used before as far as the sanitizers know, a page that
// cannot be touched below each.
class Stacks {
 public:
  Stacks() = default;
  ~Stacks() { release(); }
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;

  void reserve(std::size_t count, std::size_t bytes);
  void* low(std::size_t i) const { return memory_ + i * (bytes_ + kGuard) + kGuard; }

 private:
  static constexpr std::size_t kGuard = 4096;
  void release();

  char* memory_ = nullptr;
  std::size_t count_ = 0, bytes_ = 0;
};

}  // namespace polonaise::simt::emulator
