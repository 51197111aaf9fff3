#include "runtime/cuda_status.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>

#include "runtime/device.h"

namespace polonaise::testing {
namespace {

TEST(CudaStatus, NamesTheFirstCardOrTheReasonWhyCudaIsRefused) {
  try {
    EXPECT_EQ(describe(open_device("cuda")), "cuda:0, " + cuda_status());
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), "--device cuda is not to be had, " + cuda_status() + ": use --device cpu");
  }
}

TEST(CudaStatus, OnlyACardThatIsThereIsUnusable) {
  EXPECT_EQ(unusable_card("there is no NVIDIA driver"), "");
  EXPECT_EQ(unusable_card("the NVIDIA driver finds no card"), "");
  EXPECT_EQ(unusable_card(""), "");
  const std::string old = "the NVIDIA driver knows CUDA 11.4, this program needs 12.0";
  EXPECT_EQ(unusable_card(old), old);
#ifdef POLONAISE_HAS_CUDA
  // The reasons that say so are the library's own.
  if (!std::filesystem::exists("/dev/nvidiactl") && !std::filesystem::exists("/dev/dxg")) {
    EXPECT_EQ(unusable_card(), "") << cuda_status();
  }
#endif
  if (std::holds_alternative<Cpu>(open_device("auto"))) return;
  EXPECT_EQ(unusable_card(), "");
}

}  // namespace
}  // namespace polonaise::testing
