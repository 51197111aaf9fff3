#pragma once

// One test over every device. A test is written once, for this->device() and tensors of `Number`, and runs for each
// target of its suite:
//
//   template <class Target>
//   class LayerNorm : public DeviceTest<Target> {};
//   TYPED_TEST_SUITE(LayerNorm, AllTargets, TargetNames);
//
//   TYPED_TEST(LayerNorm, ForwardAgreesWithTheOracle) {
//     using T = typename TestFixture::Number;
//     const auto host = random_array<T, 2>({R, D}, 1);
//     auto x = this->place(host), y = this->place(Array<T, 2>({R, D}));
//     kernels::layer_norm_forward<T>(this->device(), {.x = x.view(), ..., .y = y.view(), ...});
//     EXPECT_LT(relative_error(fetch(y).values(), oracle(to_double(host.values()))), kTolerance<T>);
//   }

#include <memory>
#include <string>

#include "kernels/base/devices.h"
#include "tests/kernels/support.h"

#ifdef POLONAISE_HAS_CUDA
#include "kernels/cuda/host/context.h"
#include "kernels/cuda/host/copies.h"
#endif

namespace polonaise::testing {

// A tensor where the kernels of a device can reach it: place() puts it there, fetch() gets it back. For the CPU it is
// the array itself.
template <class T, int N>
Array<T, N> place(const Cpu&, Array<T, N> array) {
  return array;
}
template <class T, int N>
const Array<T, N>& fetch(const Array<T, N>& array) {
  return array;
}

#ifdef POLONAISE_HAS_CUDA
template <class T, int N>
class CardArray {
 public:
  CardArray(const Cuda& cuda, const Array<T, N>& array) : cuda_(cuda), extents_(array.view().extents()) {
    copy_to_device(cuda_, memory_->data(), array.values().data(), array.values().size() * sizeof(T));
  }
  View<T, N> view() { return {static_cast<T*>(memory_->data()), extents_}; }
  View<const T, N> view() const { return {static_cast<const T*>(memory_->data()), extents_}; }
  Array<T, N> fetch() const {
    Array<T, N> array(extents_);
    copy_to_host(cuda_, array.values().data(), memory_->data(), array.values().size() * sizeof(T));
    return array;
  }

 private:
  Cuda cuda_;
  std::array<Index, N> extents_;
  std::unique_ptr<CudaMemory> memory_ = std::make_unique<CudaMemory>(Array<T, N>(extents_).values().size() * sizeof(T));
};

template <class T, int N>
CardArray<T, N> place(const Cuda& cuda, const Array<T, N>& array) {
  return {cuda, array};
}
template <class T, int N>
Array<T, N> fetch(const CardArray<T, N>& array) {
  return array.fetch();
}
#endif

// Targets: a device and the type of its tensors.
struct OnCpu {
  using Device = Cpu;
  using Number = float;
  static constexpr const char* kName = "cpu";
};

#ifdef POLONAISE_HAS_CUDA
struct OnCuda {
  using Device = Cuda;
  using Number = float;
  static constexpr const char* kName = "cuda";
};
struct OnCudaInBf16 {
  using Device = Cuda;
  using Number = bf16;
  static constexpr const char* kName = "cuda_bf16";
};
using FloatTargets = ::testing::Types<OnCpu, OnCuda>;
using AllTargets = ::testing::Types<OnCpu, OnCuda, OnCudaInBf16>;
using CardTargets = ::testing::Types<OnCuda, OnCudaInBf16>;
#else
using FloatTargets = ::testing::Types<OnCpu>;
using AllTargets = FloatTargets;
#endif
using CpuTargets = ::testing::Types<OnCpu>;  // of families that no card has kernels for

struct TargetNames {
  template <class Target>
  static std::string GetName(int /*number*/) {
    return Target::kName;
  }
};

// Skips, saying why, where the device is absent.
template <class Target>
class DeviceTest : public ::testing::Test {
 public:
  using Device = typename Target::Device;
  using Number = typename Target::Number;

 protected:
  void SetUp() override {
#ifdef POLONAISE_HAS_CUDA
    if constexpr (std::is_same_v<Device, Cuda>) {
      OpenedCuda opened = open_cuda();
      if (!opened.cuda) GTEST_SKIP() << opened.reason;
      device_ = std::make_unique<Cuda>(*opened.cuda);
      return;
    }
#endif
    if constexpr (std::is_same_v<Device, Cpu>) device_ = std::make_unique<Cpu>();
  }

  Device& device() {
    return *device_;
  }

  // The device in every way that must give the same bits: the CPU with more threads, a card once more.
  std::vector<Device> twins() {
    if constexpr (std::is_same_v<Device, Cpu>) {
      std::vector<Cpu> cpus;
      for (int threads : kThreadCounts) cpus.push_back(Cpu{threads});
      return cpus;
    } else {
      return {device(), device()};
    }
  }

  template <class T, int N>
  auto place(Array<T, N> array) {
    return testing::place(device(), std::move(array));
  }

 private:
  std::unique_ptr<Device> device_;
};

#ifdef POLONAISE_HAS_CUDA
// A card that may multiply floats in tf32.
class InTf32 : public DeviceTest<OnCuda> {
 protected:
  void SetUp() override {
    DeviceTest<OnCuda>::SetUp();
    if (!IsSkipped()) device().set_matrix_math(MatrixMath::tf32);
  }

  // Within tf32's tolerance. That it is tf32 the emulator shows; a card's library may take a product as it likes.
  static void expect_tf32(const std::vector<float>& actual, const std::vector<double>& expected) {
    EXPECT_LT(relative_error(actual, expected), kTf32Tolerance);
#ifdef POLONAISE_CUDA_EMULATED
    EXPECT_GT(relative_error(actual, expected), kFloatTolerance);
#endif
  }
};
#endif

}  // namespace polonaise::testing
