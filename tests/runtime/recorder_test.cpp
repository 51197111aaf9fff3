#include "runtime/device/recorder.h"

#include <gtest/gtest.h>

#include <array>

#include "kernels/sampling/generation.h"

namespace polonaise::testing {
namespace {

using Key = Recorder::Key;

TEST(RecorderKey, IsEqualWhereTypesAndValuesAre) {
  EXPECT_EQ(Key(1, 2L), Key(1, 2L));
  EXPECT_NE(Key(1, 2L), Key(1, 3L));
  EXPECT_NE(Key(1, 2L), Key(1, 2));
  EXPECT_NE(Key(1), Key(1, 2));
  EXPECT_EQ(Key(), Key());
  EXPECT_NE(Key(), Key(1));
  EXPECT_TRUE(Key().empty());
  EXPECT_FALSE(Key(1).empty());
}

TEST(RecorderKey, ComparesKeysThatAreItsParts) {
  EXPECT_EQ(Key(Key(1), true), Key(Key(1), true));
  EXPECT_NE(Key(Key(1), true), Key(Key(2), true));
}

TEST(RecorderKey, TellsMemoryAndShapesOfViewsApart) {
  std::array<float, 12> a{}, b{};
  const View<float, 2> view(a.data(), {3, 4});
  EXPECT_EQ(Key(view), Key(View<float, 2>(a.data(), {3, 4})));
  EXPECT_NE(Key(view), Key(View<float, 2>(b.data(), {3, 4})));
  EXPECT_NE(Key(view), Key(View<float, 2>(a.data(), {4, 3})));
  EXPECT_NE(Key(view), Key(view.column_block(0, 3)));
}

// A record of a draw is for its options alone, whichever these come to be.
TEST(RecorderKey, TellsDrawsOfOtherOptionsApart) {
  const kernels::GenerationDraws draws{.events = 2, .sampling = {.temperature = 0.5f, .max_keys = 3}};
  const auto changed = [&](auto&& change) {
    kernels::GenerationDraws other = draws;
    change(other);
    return Key(other);
  };
  EXPECT_EQ(changed([](auto&) {}), Key(draws));
  EXPECT_NE(changed([](auto& d) { d.sampling.max_keys = 4; }), Key(draws));
  EXPECT_NE(changed([](auto& d) { d.sampling.top_k = 1; }), Key(draws));
  EXPECT_NE(changed([](auto& d) { d.sampling.temperature = 1; }), Key(draws));
  EXPECT_NE(changed([](auto& d) { d.stream.seed = 1; }), Key(draws));
}

}  // namespace
}  // namespace polonaise::testing
