#include "runtime/device.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace polonaise::testing {
namespace {

std::string complaint(const std::string& name) {
  try {
    open_device(name);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(Device, TheCpuHasTheThreadsAskedForOrAllItsCores) {
  EXPECT_EQ(shard_threads(open_device("cpu", 3)), 3);
  EXPECT_GE(shard_threads(open_device("cpu")), 1);
  EXPECT_GE(shard_threads(open_device("auto")), 1);
}

TEST(Device, AShardHasOneThread) {
  EXPECT_EQ(shard_threads(one_shard(open_device("cpu", 3))), 1);
}

TEST(Device, DescribesItself) {
  EXPECT_TRUE(describe(Cpu{1}).starts_with("cpu, 1 thread, ")) << describe(Cpu{1});
  EXPECT_TRUE(describe(Cpu{2}).starts_with("cpu, 2 threads, ")) << describe(Cpu{2});
}

TEST(Device, OneThatIsNotToBeHadIsRefusedWithARemedy) {
  EXPECT_NE(complaint("tpu").find("use auto, cpu or cuda"), std::string::npos) << complaint("tpu");
  if constexpr (std::is_same_v<AnyDevice, std::variant<Cpu>>) {
    EXPECT_NE(complaint("cuda").find("use --device cpu"), std::string::npos) << complaint("cuda");
  }
}

TEST(Device, DispatchRefusesATypeWithoutKernels) {
  AnyDevice device = Cpu{1};
  EXPECT_EQ(dispatch(device, DType::f32, [](auto&, auto) { return 7; }), 7);
  EXPECT_THROW(dispatch(device, DType::bf16, [](auto&, auto) { return 7; }), std::runtime_error);
}

}  // namespace
}  // namespace polonaise::testing
