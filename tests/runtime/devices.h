#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/device/device.h"

namespace polonaise::testing {

// A test for each device of the build; it skips, saying why, where the device is absent.
class OnEachDevice : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    try {
      device_ = open_device(GetParam(), 1);
    } catch (const std::runtime_error& absent) {
      GTEST_SKIP() << absent.what();
    }
  }

  AnyDevice device_;
};

inline std::vector<std::string> device_names() {
#ifdef POLONAISE_HAS_CUDA
  return {"cpu", "cuda"};
#else
  return {"cpu"};
#endif
}

inline std::string device_name(const ::testing::TestParamInfo<std::string>& test) {
  return test.param;
}

}  // namespace polonaise::testing
