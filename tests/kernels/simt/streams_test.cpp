// What CUDA permits and a card seldom does: the emulator always does it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cuda/host/api.h"
#include "kernels/cuda/host/context.h"
#include "kernels/cuda/host/launch.h"
#include "kernels/simt/simt.h"

#ifndef __SANITIZE_THREAD__  // which reports these, being races

namespace polonaise::testing {
namespace {

class Streams : public ::testing::Test {
 protected:
  static float* number(const auto& memory) { return static_cast<float*>(memory.data()); }

  CudaStream first_, second_;
  CudaMemory memory_{sizeof(float)};
  PinnedMemory in_{sizeof(float)}, out_{sizeof(float)};
};

TEST_F(Streams, ABatchOverwrittenBeforeItsCopyWasWaitedForIsSeenChanged) {
  *number(in_) = 1;
  copy(first_.handle(), memory_.data(), in_.data(), sizeof(float));
  *number(in_) = 2;
  copy(first_.handle(), out_.data(), memory_.data(), sizeof(float));
  synchronise(first_.handle());
  EXPECT_EQ(*number(out_), 2);
}

TEST_F(Streams, WithoutAnEventOneStreamDoesNotSeeWhatAnotherWrites) {
  *number(in_) = 1;
  copy(first_.handle(), memory_.data(), in_.data(), sizeof(float));
  copy(second_.handle(), out_.data(), memory_.data(), sizeof(float));
  synchronise(second_.handle());
  EXPECT_TRUE(std::isnan(*number(out_)));
}

TEST_F(Streams, AResultIsNotThereBeforeItWasWaitedFor) {
  *number(out_) = 7;
  fill(first_.handle(), memory_.data(), 0, sizeof(float));
  copy(first_.handle(), out_.data(), memory_.data(), sizeof(float));
  EXPECT_EQ(*number(out_), 7);
  synchronise(first_.handle());
  EXPECT_EQ(*number(out_), 0);
}

TEST_F(Streams, WaitingForAnEventRunsWhatIsBeforeItAlone) {
  const CudaEvent event;
  fill(first_.handle(), out_.data(), 0, sizeof(float));
  event.record(first_.handle());
  fill(first_.handle(), out_.data(), 0x3F, sizeof(float));
  event.synchronise();
  EXPECT_EQ(*number(out_), 0);
}

TEST_F(Streams, AKernelsErrorIsThrownWhereItsStreamIsWaitedFor) {
  const Cuda cuda = *open_cuda().cuda;
  void (*const broken)() = [] { __syncwarp(0); };
  EXPECT_NO_THROW(launch(cuda, "broken", {.block = {32}}, broken));
  EXPECT_THROW(synchronise(cuda.stream()), std::runtime_error);
  EXPECT_NO_THROW(synchronise(cuda.stream()));
}

#ifdef __SANITIZE_ADDRESS__
TEST(DeviceMemory, IsNotTheHostsToTouch) {
  const CudaMemory memory(64);
  const volatile char* const first = static_cast<const char*>(memory.data());
  EXPECT_DEATH((void)*first, "use-after-poison");
  const CudaStream stream;
  fill(stream.handle(), memory.data(), 1, 64);
  synchronise(stream.handle());
  EXPECT_DEATH((void)*first, "use-after-poison");
}
#endif

}  // namespace
}  // namespace polonaise::testing

#endif
