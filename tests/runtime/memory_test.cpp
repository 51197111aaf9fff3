#include "runtime/device/memory.h"

#include <algorithm>
#include <numeric>

#include "kernels/pointwise/pointwise.h"
#include "runtime/device/arena.h"
#include "tests/runtime/devices.h"

#ifdef POLONAISE_HAS_CUDA
#include "kernels/cuda/host/api.h"
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

TEST_P(MemoryOf, UploadsOfAStepAreThereForKernelsThatTheNextStepsOverlap) {
  if (shares_host_memory(device_)) GTEST_SKIP() << "uploads are where they were";
  Arena arena(device_);
  std::vector<Buffer> read;
  std::vector<const void*> places;
  for (int step = 0; step < 6; ++step) {
    arena.reset();
    float* const host = arena.allocate_host<float>(kSize);
    std::ranges::copy(numbers(static_cast<float>(step)), host);
    places.push_back(arena.upload(host, bytes()));
    const std::vector<float> second = numbers(static_cast<float>(-step));
    const void* const other = arena.upload(second.data(), bytes());
    // Kernels that run late: copies of what they were given.
    for (const void* const given : {places.back(), other}) {
      read.emplace_back(device_, bytes());
      std::visit(
          [&](auto& device) {
            kernels::copy<float, float>(device, View<const float, 2>(static_cast<const float*>(given), {1, kSize}),
                                        View<float, 2>(read.back().as<float>(), {1, kSize}), Accumulate::no);
          },
          device_);
    }
  }
  for (int step = 0; step < 6; ++step) {
    EXPECT_EQ(this->read(read[static_cast<std::size_t>(2 * step)].data()), numbers(static_cast<float>(step)));
    EXPECT_EQ(this->read(read[static_cast<std::size_t>(2 * step + 1)].data()), numbers(static_cast<float>(-step)));
  }
  EXPECT_EQ(places[2], places[4]) << "every second step has the same place";
  EXPECT_NE(places[2], places[3]);
}

TEST_P(MemoryOf, ArraysThatLieSideBySideGoOverInOneCopy) {
  Arena arena(device_);
  const std::size_t copies_before = arena.copies(), on_a_card = shares_host_memory(device_) ? 0 : 1;
  const auto allocate = [&](Index size, float first) {
    float* const values = arena.allocate_host<float>(static_cast<std::size_t>(size));
    std::iota(values, values + size, first);
    return View<const float, 1>(values, {size});
  };
  const std::vector<float> last = numbers(4);
  View<const float, 1> a = allocate(3, 1), none, b = allocate(100, 2), c = allocate(kSize, 3),
                       d(last.data(), {static_cast<Index>(last.size())});
  arena.upload_all(a, none, b, c, d);
  EXPECT_EQ(arena.copies() - copies_before, on_a_card);
  EXPECT_TRUE(none.empty());
  const auto first = [&](View<const float, 1> values) { return OnHost<float, 1>(device_, values)[0]; };
  EXPECT_EQ(std::vector({first(a), first(b)}), std::vector({1.0f, 2.0f}));
  EXPECT_EQ(read(c.data()), numbers(3));
  EXPECT_EQ(read(d.data()), last);
  // In another order, or with something between them, they are as right.
  a = allocate(3, 5), b = allocate(100, 6), c = allocate(kSize, 7);
  arena.upload_all(c, a);
  EXPECT_EQ(arena.copies() - copies_before, 3 * on_a_card);
  EXPECT_EQ(first(a), 5.0f);
  EXPECT_EQ(read(c.data()), numbers(7));
}

TEST_P(MemoryOf, AnInboxThatOverflowsBecomesOne) {
  if (shares_host_memory(device_)) GTEST_SKIP() << "there is no inbox";
  Arena arena(device_);
  const std::vector<float> large(100'000, 3.0f);
  std::size_t generation = 0;
  for (int step = 0; step < 8; ++step) {
    arena.reset();
    for (int i = 0; i < 3; ++i) {
      const void* const place = arena.upload(large.data(), large.size() * sizeof(float));
      EXPECT_EQ(read(place), std::vector<float>(kSize, 3.0f));
    }
    if (step == 3) generation = arena.generation();
  }
  EXPECT_EQ(arena.generation(), generation) << "two turns of either side are enough to know the size";
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
