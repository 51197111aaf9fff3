#include "runtime/cuda_status.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "runtime/device.h"

namespace polonaise::testing {
namespace {

TEST(CudaStatus, SaysWhatIsMissing) {
#ifdef POLONAISE_HAS_CUDA
  EXPECT_TRUE(cuda_status().ends_with("this version has no CUDA kernels for training yet")) << cuda_status();
#else
  EXPECT_EQ(cuda_status(), "this program was built without CUDA");
#endif
}

TEST(CudaStatus, IsTheReasonWhyCudaIsRefused) {
  try {
    open_device("cuda");
    ADD_FAILURE() << "cuda was opened";
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(error.what(), "--device cuda is not to be had, " + cuda_status() + ": use --device cpu");
  }
}

}  // namespace
}  // namespace polonaise::testing
