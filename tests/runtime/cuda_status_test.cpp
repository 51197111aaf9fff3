#include "runtime/device/cuda_status.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "runtime/device/device.h"

namespace polonaise::testing {
namespace {

TEST(CudaStatus, NamesTheFirstCardOrTheReasonWhyCudaIsRefused) {
  try {
    EXPECT_EQ(describe(open_device("cuda")), "cuda:0, " + cuda_status());
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), "--device cuda is not to be had, " + cuda_status() + ": use --device cpu");
  }
}

}  // namespace
}  // namespace polonaise::testing
