#include "runtime/memory.h"

#include <algorithm>
#include <numeric>

#include "runtime/arena.h"
#include "tests/runtime/devices.h"

#ifdef POLONAISE_HAS_CUDA
#include "kernels/cuda/api.h"
#endif

namespace polonaise::testing {
namespace {

constexpr Index kSize = 1000;

class MemoryOf : public OnEachDevice {
 protected:
  static std::vector<float> numbers(float first) {
    std::vector<float> values(kSize);
    std::iota(values.begin(), values.end(), first);
    return values;
  }
  static View<float, 1> view(const Buffer& buffer) { return {buffer.as<float>(), {kSize}}; }
  static std::size_t bytes() { return kSize * sizeof(float); }
  std::vector<float> read(const void* memory) const {
    std::vector<float> values(kSize);
    copy_to_host(device_, values.data(), memory, bytes());
    return values;
  }
};

TEST_P(MemoryOf, BuffersStartAsZeros) {
  const Buffer buffer(device_, bytes()), pinned(device_, bytes(), Memory::pinned);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0u);
  EXPECT_EQ(read(buffer.data()), std::vector<float>(kSize));
  EXPECT_EQ(std::vector<float>(pinned.as<float>(), pinned.as<float>() + kSize), std::vector<float>(kSize));
  EXPECT_EQ(Buffer(device_, 0).data(), nullptr);
}

TEST_P(MemoryOf, CopiesComeBackAndFillsErase) {
  const Buffer buffer(device_, bytes());
  const std::vector<float> values = numbers(3);
  copy_to_device(device_, buffer.data(), values.data(), bytes());
  EXPECT_EQ(read(buffer.data()), values);
  fill_with_zeros(device_, View<float, 1>(buffer.as<float>() + 1, {kSize - 2}));
  std::vector<float> ends(kSize);
  ends.front() = values.front();
  ends.back() = values.back();
  EXPECT_EQ(read(buffer.data()), ends);
}

TEST_P(MemoryOf, ValuesAreReadOnTheHostWhereTheyStandOrFromACopy) {
  const Buffer buffer(device_, bytes());
  const std::vector<float> values = numbers(5);
  copy_to_device(device_, buffer.data(), values.data(), bytes());
  const OnHost<float, 1> host(device_, view(buffer));
  EXPECT_EQ(host.view().data() == buffer.as<float>(), shares_host_memory(device_));
  for (Index i = 0; i < kSize; ++i) ASSERT_EQ(host[i], values[static_cast<std::size_t>(i)]);
  EXPECT_TRUE((OnHost<float, 1>(device_, {}).view().empty()));
}

TEST_P(MemoryOf, UploadedValuesAreThoseOfTheCall) {
  Arena arena(device_);
  const std::vector<float> values = numbers(7);
  std::vector<float> changing = values;
  const void* const uploaded = arena.upload(changing.data(), bytes());
  if (shares_host_memory(device_)) {
    EXPECT_EQ(uploaded, changing.data());
    return;
  }
  std::ranges::fill(changing, 0.0f);
  EXPECT_EQ(read(uploaded), values);
}

TEST_P(MemoryOf, AResetWaitsForUploadsBeforeTheirHostMemoryIsUsedAgain) {
  if (shares_host_memory(device_)) GTEST_SKIP() << "there is nothing to wait for";
  Arena arena(device_);
  float* const first = arena.host().allocate<float>(kSize);
  std::ranges::copy(numbers(1), first);
  const void* const uploaded = arena.upload(first, bytes());
  arena.reset();
  ASSERT_EQ(arena.host().allocate<float>(kSize), first);
  std::fill_n(first, kSize, -1.0f);
  EXPECT_EQ(read(uploaded), numbers(1));
}

#ifdef POLONAISE_HAS_CUDA
TEST_P(MemoryOf, MoreThanACardHasIsRefusedWithWhatWasAskedForAndWhatIsFree) {
  if (shares_host_memory(device_)) GTEST_SKIP() << "the system gives more than it has";
  try {
    Buffer(device_, std::size_t{1} << 50);
    ADD_FAILURE() << "a card gave a pebibyte";
  } catch (const OutOfMemory& refusal) {
    const std::string text = refusal.what();
    EXPECT_NE(text.find("1125899906842624 bytes ("), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with(" are free)")) << text;
  }
  EXPECT_NO_THROW(Buffer(device_, 1000));
}
#endif

INSTANTIATE_TEST_SUITE_P(Devices, MemoryOf, ::testing::ValuesIn(device_names()), device_name);

}  // namespace
}  // namespace polonaise::testing
