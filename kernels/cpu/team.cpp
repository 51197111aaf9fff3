#include "kernels/cpu/team.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <thread>

namespace polonaise::kernels {
namespace {

// How often a thread looks before it sleeps, some ten microseconds: longer than most pauses between two kernels of a
// step, and shorter than what it costs others whose processor it holds.
constexpr int kLooks = 2000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Returns a value for which ready() holds, having slept in between if that takes long.
template <class T, class Ready>
T wait_until(const std::atomic<T>& value, Ready&& ready) {
  for (int look = 0; look < kLooks; ++look) {
    if (const T now = value.load(std::memory_order_acquire); ready(now)) return now;
    pause();
  }
  while (true) {
    const T now = value.load(std::memory_order_acquire);
    if (ready(now)) return now;
    value.wait(now, std::memory_order_acquire);
  }
}

// What a team is to do, in one word that changes as a whole: how many tasks nobody has begun, how many helpers may
// begin them, and a number by which a job differs from the one before.
struct Open {
  std::uint64_t word;

  static Open job(std::uint64_t number, int helpers, Index tasks) {
    return {number << 48 | static_cast<std::uint64_t>(helpers) << 32 | static_cast<std::uint64_t>(tasks)};
  }
  Index tasks() const { return static_cast<std::uint32_t>(word); }
  bool for_helper(int helper) const { return tasks() > 0 && helper < static_cast<int>(word >> 32 & 0xffff); }
};
constexpr Index kMostTasks = std::numeric_limits<std::uint32_t>::max();
constexpr int kMostThreads = 1024;
constexpr int kCaller = -1;  // who may begin any task

class Team {
 public:
  // False, and nothing done, where the team is at work already.
  bool run(int threads, Index count, void (*body)(void*, Index), void* context) {
    const std::unique_lock only(busy_, std::try_to_lock);
    if (!only) return false;
    const int helpers = static_cast<int>(std::min<Index>({threads, count, kMostThreads})) - 1;
    hire(helpers);
    body_ = body;
    context_ = context;
    count_ = count;
    running_.store(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
    open_.store(Open::job(++job_, helpers, count).word, std::memory_order_release);
    open_.notify_all();
    work(kCaller);
    wait_until(running_, [](std::uint32_t running) { return running == 0; });
    return true;
  }

 private:
  // Begins tasks until there is none left. Whoever began one may read the job, which stays until that is done.
  void work(int helper) {
    Open open{open_.load(std::memory_order_acquire)};
    while (open.for_helper(helper)) {
      if (!open_.compare_exchange_weak(open.word, open.word - 1, std::memory_order_acq_rel)) continue;
      body_(context_, count_ - open.tasks());
      if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_one();
      open.word = open_.load(std::memory_order_acquire);
    }
  }

  void hire(int helpers) {
    for (; hired_ < helpers; ++hired_) {
      std::thread([this, helper = hired_] {
        while (true) {
          wait_until(open_, [helper](std::uint64_t word) { return Open{word}.for_helper(helper); });
          work(helper);
        }
      }).detach();
    }
  }

  std::mutex busy_;
  int hired_ = 0;
  // The job, written while no task is open or running.
  void (*body_)(void*, Index) = nullptr;
  void* context_ = nullptr;
  Index count_ = 0;
  std::uint64_t job_ = 0;
  alignas(64) std::atomic<std::uint64_t> open_ = 0;
  alignas(64) std::atomic<std::uint32_t> running_ = 0;  // tasks that are not done
};

}  // namespace

int processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

void run_team(int threads, Index count, void (*body)(void* context, Index i), void* context) {
  static Team& team = *new Team;  // for as long as its threads, which end with the process
  if (threads > 1 && count > 1 && count <= kMostTasks && team.run(threads, count, body, context)) return;
  for (Index i = 0; i < count; ++i) body(context, i);
}

}  // namespace polonaise::kernels
