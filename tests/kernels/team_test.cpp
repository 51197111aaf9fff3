#include "kernels/cpu/team.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "kernels/cpu/parallel.h"

namespace polonaise::kernels {
namespace {

std::vector<int> calls(int threads, Index count) {
  std::vector<int> calls(static_cast<std::size_t>(count));
  parallel_for(Cpu{threads}, count, [&](Index i) { ++calls[static_cast<std::size_t>(i)]; });
  return calls;
}

TEST(Team, DoesEveryTaskOnce) {
  for (const int threads : {1, 2, 3, 8, 3}) {
    for (const Index count : {0, 1, 2, 1000}) {
      EXPECT_EQ(calls(threads, count), std::vector<int>(static_cast<std::size_t>(count), 1))
          << threads << ", " << count;
    }
  }
}

TEST(Team, SeesWhatWasWrittenBeforeAndShowsWhatItWrote) {
  std::vector<long> values(64, 0);
  for (int round = 1; round <= 500; ++round) {
    parallel_for(Cpu{3}, 64, [&](Index i) { values[static_cast<std::size_t>((i + round) % 64)] += i; });
  }
  EXPECT_EQ(std::accumulate(values.begin(), values.end(), 0L), 500L * (63 * 64 / 2));
}

TEST(Team, IsNoLargerThanAsked) {
  calls(6, 100);  // five helpers are there from now on
  std::atomic<int> at_work = 0, most = 0;
  for (int round = 0; round < 10; ++round) {
    parallel_for(Cpu{2}, 20, [&](Index) {
      const int now = ++at_work;
      int before = most;
      while (before < now && !most.compare_exchange_weak(before, now)) {
      }
      std::this_thread::yield();
      --at_work;
    });
  }
  EXPECT_LE(most, 2);
}

TEST(Team, TasksThatAskTheTeamAreServed) {
  std::atomic<int> done = 0;
  parallel_for(Cpu{4}, 4, [&](Index) { parallel_for(Cpu{4}, 5, [&](Index) { ++done; }); });
  EXPECT_EQ(done, 20);
}

TEST(Team, ServesSeveralThreadsAtOnce) {
  std::atomic<int> done = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int round = 0; round < 100; ++round) parallel_for(Cpu{3}, 7, [&](Index) { ++done; });
      });
    }
  }
  EXPECT_EQ(done, 3 * 100 * 7);
}

TEST(Team, TheCallerWaitsForNobodyWhoDoesNotCome) {
  calls(4, 100);  // helpers are there, and stay behind in the fork
  const pid_t child = fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    int done = 0;
    for (int round = 0; round < 10; ++round) parallel_for(Cpu{4}, 100, [&](Index) { ++done; });
    _exit(done == 1000 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Team, CountsTheProcessorsThatItMayUse) {
  EXPECT_GE(processors(), 1);
  cpu_set_t all, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &all)) {
      CPU_SET(cpu, &one);
      break;
    }
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(processors(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof all, &all), 0);
}

}  // namespace
}  // namespace polonaise::kernels
