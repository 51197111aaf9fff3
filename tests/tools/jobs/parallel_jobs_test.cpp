#include "tools/jobs/parallel_jobs.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace polonaise::tools {
namespace {

TEST(ParallelFor, CallsEachIndexOnceWhateverTheThreads) {
  for (const int jobs : {0, 1, 2, 7}) {
    std::vector<int> calls(100, 0);
    parallel_for(calls.size(), jobs, [&](std::size_t i) { ++calls[i]; });
    EXPECT_EQ(calls, std::vector<int>(100, 1));
  }
  parallel_for(0, 4, [](std::size_t) { FAIL(); });
}

TEST(ParallelFor, RethrowsAndStops) {
  int calls = 0;
  try {
    parallel_for(100, 1, [&](std::size_t i) {
      ++calls;
      if (i == 3) throw std::runtime_error("three");
    });
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(std::string(error.what()), "three");
  }
  EXPECT_EQ(calls, 4);
}

}  // namespace
}  // namespace polonaise::tools
