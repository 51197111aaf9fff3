// The emulator says which rule a kernel breaks, and where. Kernels may stand in a .cpp here: nvcc never sees it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "kernels/cuda/host/copies.h"
#include "kernels/cuda/host/launch.h"
#include "kernels/simt/simt.h"

namespace polonaise::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

std::string here(int line) {
  return "rules_test.cpp:" + std::to_string(line);
}

class Rules : public ::testing::Test {
 protected:
  // What the emulator says of a launch: nothing, if no rule was broken.
  template <class Kernel>
  std::string verdict(const Launch& shape, Kernel kernel) {
    void (*const function)() = kernel;
    launch(cuda_, "broken", shape, function);
    try {
      synchronise(cuda_.stream());
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "";
  }

  Cuda cuda_ = *open_cuda().cuda;
};

TEST_F(Rules, AKernelThatKeepsThemHasNothingSaidOfIt) {
  const std::string said = verdict({.grid = {3}, .block = {64}}, [] {
    __syncthreads();
    if (threadIdx.x < 32) __syncwarp();
    __syncthreads();
  });
  EXPECT_EQ(said, "");
}

TEST_F(Rules, ABarrierInDivergentCodeNamesBothLines) {
  constexpr int kLine = __LINE__;
  const std::string said = verdict({.block = {64}}, [] {
    if (threadIdx.x < 32)
      __syncthreads();
    else
      __syncthreads();
  });
  EXPECT_THAT(said, AllOf(HasSubstr("the kernel of broken: __syncthreads() in divergent code"),
                          HasSubstr(here(kLine + 3)), HasSubstr(here(kLine + 5))));
}

TEST_F(Rules, ABarrierAfterAThreadHasLeftNamesTheThread) {
  constexpr int kLine = __LINE__;
  const std::string said = verdict({.block = {64}}, [] {
    if (threadIdx.x == 40) return;
    __syncthreads();
  });
  EXPECT_THAT(said, AllOf(HasSubstr("thread (40,0,0)"), HasSubstr("exit"), HasSubstr(here(kLine + 3))));
}

TEST_F(Rules, AWarpOperationWithoutOneOfItsLanesIsNamed) {
  constexpr int kLine = __LINE__;
  const std::string said = verdict({.block = {32}}, [] {
    if (threadIdx.x == 7) return;
    __shfl_xor_sync(0xFFFFFFFFu, 1.0f, 1);
  });
  EXPECT_THAT(said, AllOf(HasSubstr("thread (7,0,0)"), HasSubstr("exit"), HasSubstr(here(kLine + 3))));
}

TEST_F(Rules, AShuffleFromOutsideOfTheMaskIsNamed) {
  constexpr int kLine = __LINE__;
  const std::string said = verdict({.block = {32}}, [] {
    if (threadIdx.x < 16) __shfl_sync(0x0000FFFFu, 1.0f, 20);
  });
  EXPECT_THAT(said, AllOf(HasSubstr("from lane 20, which is outside of the mask"), HasSubstr(here(kLine + 2))));
}

TEST_F(Rules, ALaneOutsideOfItsOwnMaskIsNamed) {
  const std::string said = verdict({.block = {32}}, [] { __syncwarp(0x0000FFFFu); });
  EXPECT_THAT(said, HasSubstr("__syncwarp() by a lane outside of its mask"));
}

TEST_F(Rules, DifferentOperationsOfOneWarpAreDivergentCode) {
  const std::string said = verdict({.block = {32}}, [] {
    if (threadIdx.x < 16)
      __syncwarp();
    else
      __ballot_sync(0xFFFFFFFFu, 1);
  });
  EXPECT_THAT(said, HasSubstr("in divergent code"));
}

TEST_F(Rules, AHalfFullWarpCannotMeetAsAWholeOne) {
  const std::string said = verdict({.block = {48}}, [] { simt::warp::sum(1.0f); });
  EXPECT_THAT(said, HasSubstr("names lanes which the block does not have"));
}

TEST_F(Rules, ABarrierThatWaitsForAWarpWhichWaitsForItIsADeadlock) {
  const std::string said = verdict({.block = {32}}, [] {
    if (threadIdx.x < 16)
      __syncthreads();
    else
      __syncwarp();
  });
  EXPECT_THAT(said, HasSubstr("deadlock"));
}

TEST_F(Rules, WaitingForAWordThatNobodyWritesIsADeadlock) {
  constexpr int kLine = __LINE__;
  const std::string said = verdict({.block = {1}}, [] {
    SHARED(unsigned, word);
    word = 0;
    while (simt::load_acquire(&word) == 0) simt::spin_wait();
  });
  EXPECT_THAT(said,
              AllOf(HasSubstr("deadlock: threads wait for a word that nobody writes"), HasSubstr(here(kLine + 4))));
}

TEST_F(Rules, AWideAccessMustBeAligned) {
  constexpr int kLine = __LINE__;
  const std::string said = verdict({.block = {1}}, [] {
    SHARED(float, row, [8]);
    simt::store(&row[1], simt::Vector<float, 4>{});
  });
  EXPECT_THAT(said, AllOf(HasSubstr("not aligned"), HasSubstr(here(kLine + 3))));
}

TEST_F(Rules, SharedMemoryHasItsLimits) {
  EXPECT_THAT(verdict({.block = {1}},
                      [] {
                        SHARED(char, bytes, [(48 << 10) + 1]);
                        bytes[0] = 0;
                      }),
              HasSubstr("more than 48 KiB"));
  EXPECT_THAT(verdict({.block = {1}, .shared_bytes = 227 << 10},
                      [] {
                        SHARED(char, byte);
                        byte = 0;
                      }),
              HasSubstr("more shared memory than a block may have"));
  EXPECT_THAT(verdict({.block = {1}}, [] { simt::dynamic_shared<float>(); }), HasSubstr("without shared_bytes"));
}

TEST_F(Rules, AClusterHasNoOtherRanks) {
  const std::string said = verdict({.grid = {2}, .block = {1}, .cluster = 2}, [] {
    SHARED(int, word);
    simt::cluster_shared(&word, 2);
  });
  EXPECT_THAT(said, HasSubstr("a rank that the cluster does not have"));
}

TEST_F(Rules, AnErrorIsOneLineThatNamesKernelBlockThreadPlaceAndSeed) {
  const std::string said = verdict({.grid = {1, 2, 3}, .block = {1}}, [] {
    if (blockIdx.y == 1 && blockIdx.z == 2) __syncwarp(0);
  });
  EXPECT_THAT(said,
              MatchesRegex("the kernel of broken: __syncwarp.. by a lane outside of its mask: block .0,1,2. thread "
                           ".0,0,0. at .*rules_test.cpp:[0-9]+ .POLONAISE_SIMT_SEED=[0-9]+."));
}

TEST_F(Rules, AnErrorEndsTheStreamsWorkAndTheNextLaunchWorks) {
  EXPECT_NE(verdict({.block = {32}}, [] { __syncwarp(0); }), "");
  EXPECT_EQ(verdict({.block = {32}}, [] { __syncthreads(); }), "");
}

unsigned first_lane[64];

TEST_F(Rules, LanesRunInAnyOrder) {
  std::set<unsigned> first;
  for (int i = 0; i < 20; ++i) {
    const std::string said = verdict({.block = {64}}, [] {
      SHARED(unsigned, arrivals);
      if (threadIdx.x == 0) arrivals = 0;
      __syncthreads();
      first_lane[atomicAdd(&arrivals, 1u)] = threadIdx.x;
    });
    ASSERT_EQ(said, "");
    first.insert(first_lane[0]);
  }
  EXPECT_GT(first.size(), 5u);
}

bool found_nan;

TEST_F(Rules, FreshSharedMemoryIsNan) {
  for (int i = 0; i < 2; ++i) {
    verdict({.block = {1}, .shared_bytes = 64}, [] {
      SHARED(float, number);
      SHARED(bf16, half, [4]);
      found_nan = std::isnan(number) && std::isnan(static_cast<float>(half[3])) &&
                  std::isnan(simt::dynamic_shared<double>()[7]);
      number = static_cast<float>(half[3] = bf16(1.0f));
    });
    EXPECT_TRUE(found_nan);
  }
}

#ifndef __SANITIZE_ADDRESS__  // which ends the program at the first of these reads
float before_wait, after_wait;

TEST_F(Rules, AnAsynchronousCopyArrivesAtItsWaitAndNoSooner) {
  verdict({.block = {1}}, [] {
    SHARED(float, target, [4]);
    alignas(16) static const float source[4] = {1, 2, 3, 4};
    simt::copy_async<16>(target, source);
    simt::copy_async_commit();
    simt::copy_async_wait<1>();
    before_wait = target[3];
    simt::copy_async_wait<0>();
    after_wait = target[3];
  });
  EXPECT_TRUE(std::isnan(before_wait));
  EXPECT_EQ(after_wait, 4.0f);
}
#endif

TEST_F(Rules, ThreadsThatWouldNotFitTogetherAreRefused) {
  void (*const nothing)() = [] {};
  EXPECT_THROW(launch(cuda_, "many", {.grid = {1000}, .block = {1024}, .cooperative = true}, nothing),
               std::runtime_error);
}

}  // namespace
}  // namespace polonaise::testing
