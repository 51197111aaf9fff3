#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "kernels/cpu/team.h"

namespace polonaise::tools {

// Calls work(i) for i in [0, count) on up to `jobs` threads (0: as many as the machine has). Results must go to places
// of their own by index. When calls throw, no new ones begin and the exception of the smallest index that threw is
// rethrown.
template <class Work>
void parallel_for(std::size_t count, int jobs, const Work& work) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  std::size_t failed = count;
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        next = count;
        const std::scoped_lock lock(mutex);
        if (i < failed) {
          failed = i;
          failure = std::current_exception();
        }
      }
    }
  };
  const std::size_t wanted =
      jobs > 0 ? static_cast<std::size_t>(jobs) : static_cast<std::size_t>(kernels::processors());
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 1; t < wanted && t < count; ++t) threads.emplace_back(run);
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace polonaise::tools
