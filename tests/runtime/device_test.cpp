#include "runtime/device/device.h"

#include <gtest/gtest.h>

#include <filesystem>
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

TEST(Device, OnlyACardThatIsThereIsPassedOver) {
  const BestDevice best = open_best_device(2);
  EXPECT_EQ(describe(best.device), describe(open_device("auto", 2)));
  const bool driver = std::filesystem::exists("/dev/nvidiactl") || std::filesystem::exists("/dev/dxg");
  if (!driver || !std::holds_alternative<Cpu>(best.device)) {
    EXPECT_EQ(best.passed_over, "");
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

TEST(Device, ACardComputesInEachPrecision) {
  const OpenedCuda opened = open_cuda();
  if (!opened.cuda) GTEST_SKIP() << opened.reason;
  AnyDevice card = *opened.cuda;
  const auto math = [&](const char* precision, DType activations) {
    EXPECT_EQ(set_precision(card, precision), activations) << precision;
    return std::get<Cuda>(card).matrix_math();
  };
  EXPECT_EQ(math("float", DType::f32), MatrixMath::exact);
  EXPECT_EQ(math("tf32", DType::f32), MatrixMath::tf32);
  EXPECT_EQ(math("bf16", DType::bf16), MatrixMath::tf32);
  EXPECT_EQ(math("float", DType::f32), MatrixMath::exact);
  const auto bytes = [](auto&, auto type) { return sizeof(typename decltype(type)::type); };
  EXPECT_EQ(dispatch(card, DType::f32, bytes), 4u);
  EXPECT_EQ(dispatch(card, DType::bf16, bytes), 2u);
}
#endif

#ifdef POLONAISE_CUDA_EMULATED
TEST(Device, TheEmulatorIsTakenByNameOnly) {
  EXPECT_TRUE(std::holds_alternative<Cuda>(open_device("cuda")));
  EXPECT_TRUE(std::holds_alternative<Cpu>(open_device("auto")));
}
#endif

template <class Act>
std::string refusal(Act&& act) {
  try {
    act();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(Device, ACpuComputesInFloatAlone) {
  AnyDevice device = Cpu{1};
  EXPECT_EQ(dispatch(device, DType::f32, [](auto&, auto) { return 7; }), 7);
  EXPECT_EQ(set_precision(device, "float"), DType::f32);
  const std::string of_bf16 = "bf16 needs --device cuda: use --precision float on a CPU";
  EXPECT_EQ(refusal([&] { dispatch(device, DType::bf16, [](auto&, auto) { return 7; }); }), of_bf16);
  EXPECT_EQ(refusal([&] { set_precision(device, "bf16"); }), of_bf16);
  EXPECT_TRUE(refusal([&] { set_precision(device, "tf32"); }).starts_with("tf32 needs --device cuda"));
  EXPECT_THROW(set_precision(device, "fp16"), std::invalid_argument);
}

}  // namespace
}  // namespace polonaise::testing
