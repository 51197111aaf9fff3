#include "runtime/device.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace polonaise::testing {
namespace {

TEST(Device, TheCpuHasTheThreadsAskedForOrAllItsCores) {
  EXPECT_EQ(shard_threads(open_device("cpu", 3)), 3);
  EXPECT_GE(shard_threads(open_device("cpu")), 1);
}

TEST(Device, AShardHasOneThread) {
  EXPECT_EQ(shard_threads(one_shard(open_device("cpu", 3))), 1);
}

TEST(Device, DescribesItself) {
  EXPECT_TRUE(describe(Cpu{1}).starts_with("cpu, 1 thread, ")) << describe(Cpu{1});
  EXPECT_TRUE(describe(Cpu{2}).starts_with("cpu, 2 threads, ")) << describe(Cpu{2});
}

TEST(Device, NamesOfNoDeviceAreRefused) {
  for (const char* name : {"", "tpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda1"})
    EXPECT_THROW(open_device(name), std::invalid_argument) << name;
}

TEST(Device, ACardThatIsNotToBeHadIsRefusedWithAReasonAndARemedy) {
  try {
    open_device("cuda:4096");
    ADD_FAILURE() << "there is a card 4096";
  } catch (const std::runtime_error& refusal) {
    const std::string text = refusal.what();
    EXPECT_TRUE(text.starts_with("--device cuda is not to be had, ")) << text;
    EXPECT_TRUE(text.ends_with(": use --device cpu")) << text;
  }
}

#ifdef POLONAISE_HAS_CUDA
TEST(Device, ACardTakesTheBatchWhole) {
  const OpenedCuda opened = open_cuda();
  if (!opened.cuda) GTEST_SKIP() << opened.reason;
  const AnyDevice card = *opened.cuda;
  EXPECT_EQ(shard_threads(card), 1);
  EXPECT_TRUE(std::holds_alternative<Cuda>(one_shard(card)));
  EXPECT_TRUE(describe(card).starts_with("cuda:0, ")) << describe(card);
}
#endif

#ifdef POLONAISE_CUDA_EMULATED
TEST(Device, TheEmulatorIsTakenByNameOnly) {
  EXPECT_TRUE(std::holds_alternative<Cuda>(open_device("cuda")));
  EXPECT_TRUE(std::holds_alternative<Cpu>(open_device("auto")));
}
#endif

TEST(Device, DispatchRefusesATypeThatNothingIsComputedIn) {
  AnyDevice device = Cpu{1};
  EXPECT_EQ(dispatch(device, DType::f32, [](auto&, auto) { return 7; }), 7);
  EXPECT_THROW(dispatch(device, DType::bf16, [](auto&, auto) { return 7; }), std::runtime_error);
}

}  // namespace
}  // namespace polonaise::testing
