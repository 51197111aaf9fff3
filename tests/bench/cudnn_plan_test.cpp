// Where cuDNN's header is found, as bench/gpu/CMakeLists.txt says.
#ifdef POLONAISE_HAS_CUDNN
#include "bench/gpu/cudnn_plan.h"

#include <dlfcn.h>
#include <gmock/gmock.h>

namespace polonaise::bench {
namespace {

using ::testing::HasSubstr;

// An H100 as cuDNN describes one: it compiles plans for a card that is not there.
constexpr const char* kCard =
    R"({"deviceName": "NVIDIA H100 80GB HBM3", "smVersion": 900, "deviceVer": 900, "driverVersion": 13000,
        "driverVer": 13000, "multiProcessorCount": 132, "warpSize": 32, "maxGridSize": [2147483647, 65535, 65535],
        "maxBlockSize": [1024, 1024, 64], "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "maxCtasPerSM": 32,
        "regsPerBlock": 65536, "maxRegistersPerSM": 65536, "maxSharedMemoryPerBlock": 49152,
        "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024, "l2CacheSize": 52428800,
        "smClockRateKHz": 1980000, "memClockRateKHz": 2619000, "totalGlobalMem": 85520809984, "pciDeviceId": 0,
        "cudaDeviceId": 0, "isTccDriver": 0, "supportCoopLaunch": 1})";

class CudnnPlanTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // cuDNN asks for a driver before it looks at a graph: without a card the toolkit's stub stands in for it.
    if (!dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL) && !dlopen(POLONAISE_CUDA_STUB, RTLD_NOW | RTLD_GLOBAL))
      GTEST_SKIP() << "neither a driver nor the toolkit's stub: " << dlerror();
    try {
      cudnn();
    } catch (const std::exception& error) {
      GTEST_SKIP() << error.what();
    }
  }

  // What became of a plan: "", or cuDNN's refusal.
  static std::string refusal(const OperationGraph& graph) {
    try {
      CudnnPlan(kCard, graph);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }
  // A plan was made but for the last step: where there is no card, its program cannot be loaded into one.
  static bool compiled(const std::string& refusal) {
    return refusal.empty() || refusal.find("CUDNN_STATUS_EXECUTION_FAILED_CUDA_DRIVER") != std::string::npos;
  }
};

TEST_F(CudnnPlanTest, OfAttentionIsCompiledForAnH100) {
  const kernels::AttentionShape shape{32, 200, 8, 64};
  const std::string forward = refusal(attention_forward_graph(shape)),
                    backward = refusal(attention_backward_graph(shape));
  EXPECT_TRUE(compiled(forward)) << forward;
  EXPECT_TRUE(compiled(backward)) << backward;
}

TEST_F(CudnnPlanTest, OfHeadsThatAreTooWideIsRefusedInASentence) {
  const std::string said = refusal(attention_backward_graph({2, 128, 4, 1024}));
  EXPECT_THAT(said, HasSubstr("cuDNN"));
  EXPECT_FALSE(compiled(said)) << said;
}

TEST_F(CudnnPlanTest, OfAWrongTensorNamesItAndTheCall) {
  OperationGraph graph = attention_forward_graph({2, 128, 4, 64});
  graph.tensors[1].extents[0] = -1;
  EXPECT_THAT(refusal(graph), HasSubstr("could not describe q (cudnnBackend"));
}

}  // namespace
}  // namespace polonaise::bench
#endif
