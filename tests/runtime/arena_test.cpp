#include "runtime/device/arena.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace polonaise::testing {
namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;

class ArenaTest : public ::testing::Test {
 protected:
  AnyDevice device_ = Cpu{1};
  Arena arena_{device_};
};

TEST_F(ArenaTest, MemoryIsAlignedApartAndItsOwn) {
  std::byte* before = nullptr;
  for (const std::size_t bytes : {1u, 63u, 64u, 65u, 1000u}) {
    std::byte* memory = arena_.allocate(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 64, 0u);
    if (before) {
      EXPECT_GE(memory, before + 64);
    }
    std::memset(memory, 7, bytes);
    before = memory;
  }
}

TEST_F(ArenaTest, GrowsByChunksThatLeaveEarlierMemoryWhereItIs) {
  int* first = arena_.allocate<int>(4);
  first[3] = 42;
  for (int i = 0; i < 5; ++i) std::memset(arena_.allocate(kMegabyte), i, kMegabyte);
  EXPECT_EQ(first[3], 42);
  EXPECT_GE(arena_.capacity(), 5 * kMegabyte);
  EXPECT_GE(arena_.capacity(), arena_.high_water());
}

TEST_F(ArenaTest, ResetConsolidatesToTheHighWaterMarkAndThenStaysFlat) {
  const auto step = [&] {
    for (const std::size_t bytes : {kMegabyte / 2, kMegabyte, 3 * kMegabyte, std::size_t{100}}) arena_.allocate(bytes);
  };
  step();
  arena_.reset();
  const std::size_t capacity = arena_.capacity(), high_water = arena_.high_water();
  EXPECT_EQ(capacity, high_water);
  for (int i = 0; i < 3; ++i) {
    step();
    EXPECT_EQ(arena_.capacity(), capacity);
    EXPECT_EQ(arena_.high_water(), high_water);
    arena_.reset();
  }
}

TEST_F(ArenaTest, AfterResetTheSameMemoryIsHandedOut) {
  std::byte* first = arena_.allocate(100);
  arena_.allocate(100);
  arena_.reset();
  EXPECT_EQ(arena_.allocate(100), first);
}

TEST_F(ArenaTest, RewindGivesBackWhatCameAfterTheMark) {
  arena_.allocate(100);
  const Arena::Mark mark = arena_.mark();
  std::byte* scratch = arena_.allocate(1000);
  const std::size_t high_water = arena_.high_water();
  arena_.rewind(mark);
  EXPECT_EQ(arena_.allocate(1000), scratch);
  EXPECT_EQ(arena_.high_water(), high_water);
}

TEST_F(ArenaTest, RewindAcrossChunksGivesTheirMemoryBack) {
  arena_.allocate(100);
  const Arena::Mark mark = arena_.mark();
  arena_.allocate(2 * kMegabyte);
  arena_.allocate(4 * kMegabyte);
  const std::size_t capacity = arena_.capacity();
  for (int i = 0; i < 4; ++i) {
    arena_.rewind(mark);
    arena_.allocate(2 * kMegabyte);
    arena_.allocate(4 * kMegabyte);
  }
  EXPECT_EQ(arena_.capacity(), capacity);
}

TEST_F(ArenaTest, HighWaterCountsWhatIsInUseAtOnce) {
  arena_.allocate(128);
  EXPECT_EQ(arena_.high_water(), 128u);
  const Arena::Mark mark = arena_.mark();
  arena_.allocate(64);
  arena_.rewind(mark);
  arena_.allocate(32);
  EXPECT_EQ(arena_.high_water(), 192u);
  arena_.reset();
  arena_.allocate(64);
  EXPECT_EQ(arena_.high_water(), 192u);
}

}  // namespace
}  // namespace polonaise::testing
