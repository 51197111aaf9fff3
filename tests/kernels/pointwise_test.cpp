#include "kernels/pointwise/pointwise.h"

#include "kernels/base/require.h"
#include "tests/kernels/devices.h"

namespace polonaise::testing {
namespace {

struct Shape {
  Index rows, columns;
};
const std::vector<Shape> kShapes = cases<Shape>({{1, 1}, {3, 7}, {33, 64}, {107, 256}, {65, 1000}}, {{3, 7}, {33, 40}});

template <class Target>
class Copy : public DeviceTest<Target> {};
TYPED_TEST_SUITE(Copy, AllTargets, TargetNames);

template <class T>
T sum(T a, T b) {
  return static_cast<T>(static_cast<float>(a) + static_cast<float>(b));
}

TYPED_TEST(Copy, WritesOrAddsWholeTensorsAndBlocksOfColumns) {
  using T = typename TestFixture::Number;
  for (Shape s : kShapes)
    for (Index margin : {0, 2}) {  // columns of y on either side
      const Index width = s.columns + 2 * margin;
      const auto x = random_array<T, 2>({s.rows, s.columns}, 1), y0 = random_array<T, 2>({s.rows, width}, 2);
      const auto from = this->place(x);
      for (auto& twin : this->twins()) {
        auto to = this->place(y0), sums = this->place(y0);
        kernels::copy<T>(twin, from.view(), to.view().column_block(margin, s.columns), Accumulate::no);
        kernels::copy<T>(twin, from.view(), sums.view().column_block(margin, s.columns), Accumulate::yes);
        auto written = y0, added = y0;
        for (Index r = 0; r < s.rows; ++r)
          for (Index c = 0; c < s.columns; ++c) {
            const Index i = r * width + margin + c;
            written[i] = x[r * s.columns + c];
            added[i] = sum(y0[i], written[i]);
          }
        ASSERT_TRUE(same_bits(fetch(to).values(), written.values())) << s.rows << " x " << s.columns;
        ASSERT_TRUE(same_bits(fetch(sums).values(), added.values())) << s.rows << " x " << s.columns;
      }
    }
}

TYPED_TEST(Copy, OntoItselfChangesNothing) {
  using T = typename TestFixture::Number;
  const auto before = random_array<T, 2>({5, 9}, 3);
  auto x = this->place(before);
  kernels::copy<T>(this->device(), x.view(), x.view(), Accumulate::no);
  EXPECT_TRUE(same_bits(fetch(x).values(), before.values()));
}

#ifdef POLONAISE_HAS_CUDA
template <class Target>
class CopyBetweenTypes : public DeviceTest<Target> {};
TYPED_TEST_SUITE(CopyBetweenTypes, CardTargets, TargetNames);

// The target's type to the other one.
TYPED_TEST(CopyBetweenTypes, RoundsOnceOrIsExact) {
  using T = typename TestFixture::Number;
  using To = std::conditional_t<std::is_same_v<T, float>, bf16, float>;
  for (Shape s : kShapes) {
    const auto x = random_array<T, 2>({s.rows, s.columns}, 1);
    const auto y0 = random_array<To, 2>({s.rows, s.columns}, 2);
    const auto from = this->place(x);
    auto to = this->place(y0), sums = this->place(y0);
    kernels::copy<T>(this->device(), from.view(), to.view(), Accumulate::no);
    kernels::copy<T>(this->device(), from.view(), sums.view(), Accumulate::yes);
    auto written = y0, added = y0;
    for (Index i = 0; i < x.size(); ++i) {
      written[i] = static_cast<To>(static_cast<float>(x[i]));
      added[i] = static_cast<To>(static_cast<float>(y0[i]) + static_cast<float>(x[i]));
    }
    ASSERT_TRUE(same_bits(fetch(to).values(), written.values())) << s.rows << " x " << s.columns;
    ASSERT_TRUE(same_bits(fetch(sums).values(), added.values())) << s.rows << " x " << s.columns;
  }
}
#endif

template <class Target>
class Transpose : public DeviceTest<Target> {};
TYPED_TEST_SUITE(Transpose, AllTargets, TargetNames);

TYPED_TEST(Transpose, SwapsRowsAndColumns) {
  using T = typename TestFixture::Number;
  for (Shape s : kShapes) {
    const auto host_x = random_array<T, 2>({s.rows, s.columns + 1}, 4), y0 = random_array<T, 2>({s.columns, s.rows}, 5);
    const auto x = this->place(host_x);
    for (auto& twin : this->twins()) {
      auto turned = this->place(y0), sums = this->place(y0);
      kernels::transpose<T>(twin, x.view().column_block(1, s.columns), turned.view(), Accumulate::no);
      kernels::transpose<T>(twin, x.view().column_block(1, s.columns), sums.view(), Accumulate::yes);
      auto written = y0, added = y0;
      for (Index r = 0; r < s.rows; ++r)
        for (Index c = 0; c < s.columns; ++c) {
          const Index i = c * s.rows + r;
          written[i] = host_x[r * (s.columns + 1) + 1 + c];
          added[i] = sum(y0[i], written[i]);
        }
      ASSERT_TRUE(same_bits(fetch(turned).values(), written.values())) << s.rows << " x " << s.columns;
      ASSERT_TRUE(same_bits(fetch(sums).values(), added.values())) << s.rows << " x " << s.columns;
    }
  }
}

template <class Target>
class Dropout : public DeviceTest<Target> {};
TYPED_TEST_SUITE(Dropout, AllTargets, TargetNames);

// Element (i, r, d) of [P, R, D], from the definition.
float dropped(float p, const kernels::RandomStream& stream, Index row, Index position, float x) {
  const float u = kernels::uniform(stream, static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(position));
  return u >= p ? x * (1 / (1 - p)) : 0.0f;
}

constexpr kernels::RandomStream kStream{42, 7, 3};

TYPED_TEST(Dropout, KeepsExactlyTheElementsOfItsDefinition) {
  using T = typename TestFixture::Number;
  struct Extents {
    Index P, R, D;
  };
  std::vector<Extents> all;
  for (Index P : {1, 3})
    for (Index R : {1, 5})
      for (Index D : {1, 2, 3, 4, 6, 16, 64, 107, 1023})  // rows that start inside a block of four words, and tails
        all.push_back({P, R, D});
  for (const auto& [P, R, D] : cases<Extents>(all, {{3, 2, 7}, {1, 5, 12}}))
    for (float p : {0.0f, 0.1f, 0.5f, 0.9f}) {
      const auto host_x = random_array<T, 3>({P, R, D}, 6), y0 = random_array<T, 3>({P, R, D}, 7);
      const auto x = this->place(host_x);
      Array<T, 3> expected({P, R, D});
      for (Index i = 0; i < expected.size(); ++i)
        expected[i] =
            static_cast<T>(dropped(p, kStream, 11 + i / D % R, i / (R * D) * D + i % D, static_cast<float>(host_x[i])));
      for (auto& twin : this->twins()) {
        auto y = this->place(y0), sums = this->place(y0);
        kernels::Dropout<T> d{.x = x.view(), .y = y.view(), .p = p, .stream = kStream, .first_row = 11};
        kernels::dropout(twin, d);
        d.y = sums.view(), d.accumulate = Accumulate::yes;
        kernels::dropout(twin, d);
        ASSERT_EQ(to_double(fetch(y).values()), to_double(expected.values())) << P << " " << R << " " << D;
        auto expected_sums = to_double(y0.values());
        for (Index i = 0; i < expected.size(); ++i)
          expected_sums[static_cast<std::size_t>(i)] += to_double(expected[i]);
        ASSERT_LT(relative_error(fetch(sums).values(), expected_sums), kTolerance<T>) << P << " " << R << " " << D;
      }
    }
}

TYPED_TEST(Dropout, IsTheSameTimeMajorAndBatchMajorAndForAnyShards) {
  using T = typename TestFixture::Number;
  constexpr Index P = 5, B = 6, D = 7;
  const auto ones = this->place(Array<T, 3>({P, B, D}, T(1.0f)));
  auto time_major = this->place(Array<T, 3>({P, B, D})), batch_major = this->place(Array<T, 3>({1, B, P * D}));
  auto shard = this->place(Array<T, 3>({P, 2, D}));
  const T* const x = ones.view().data();
  const auto drop = [&](View<const T, 3> from, View<T, 3> to, Index first_row) {
    kernels::dropout<T>(this->device(), {.x = from, .y = to, .p = 0.3f, .stream = kStream, .first_row = first_row});
  };
  drop(ones.view(), time_major.view(), 0);
  drop({x, {1, B, P * D}}, batch_major.view(), 0);
  drop({x, {P, 2, D}}, shard.view(), 4);
  const auto a = to_double(fetch(time_major).values()), b = to_double(fetch(batch_major).values()),
             c = to_double(fetch(shard).values());
  for (std::size_t t = 0; t < P; ++t)
    for (std::size_t r = 0; r < B; ++r)
      for (std::size_t d = 0; d < D; ++d) {
        const double here = a[(t * B + r) * D + d];
        EXPECT_EQ(b[(r * P + t) * D + d], here);
        if (r >= 4) {
          EXPECT_EQ(c[(t * 2 + r - 4) * D + d], here);
        }
      }
}

TYPED_TEST(Dropout, OfABlockOfColumnsLeavesTheOthers) {
  using T = typename TestFixture::Number;
  constexpr Index P = 2, R = 3, D = 8, kWidth = 13;
  const auto host_x = random_array<T, 3>({P, R, kWidth}, 8), y0 = random_array<T, 3>({P, R, kWidth}, 9);
  const auto x = this->place(host_x);
  auto y = this->place(y0);
  kernels::dropout<T>(
      this->device(),
      {.x = x.view().column_block(4, D), .y = y.view().column_block(1, D), .p = 0.5f, .stream = kStream});
  auto expected = y0;
  for (Index row = 0; row < P * R; ++row)
    for (Index d = 0; d < D; ++d)
      expected[row * kWidth + 1 + d] = static_cast<T>(
          dropped(0.5f, kStream, row % R, row / R * D + d, static_cast<float>(host_x[row * kWidth + 4 + d])));
  EXPECT_EQ(to_double(fetch(y).values()), to_double(expected.values()));
}

// The numbers are the same on every device.
TEST(DropoutNumbers, DropTheirShareAndKeepTheMean) {
  constexpr Index kCount = 1 << 20;
  Cpu cpu;
  for (float p : {0.1f, 0.5f}) {
    Array<float, 3> x({16, 64, kCount / 1024}, 1);
    kernels::dropout<float>(cpu, {.x = x.view(), .y = x.view(), .p = p, .stream = kStream});
    double total = 0, zeros = 0;
    for (float value : x.values()) total += value, zeros += value == 0;
    const double deviation = std::sqrt(p * (1 - p) / kCount);
    EXPECT_NEAR(zeros / kCount, p, 4 * deviation);
    EXPECT_NEAR(total / kCount, 1, 4 * deviation / (1 - p));
  }
}

TYPED_TEST(Dropout, RefusesAProbabilityOfOne) {
  using T = typename TestFixture::Number;
  auto x = this->place(Array<T, 3>({1, 1, 4}));
  for (float p : {1.0f, -0.1f, NAN})
    EXPECT_THROW((kernels::dropout<T>(this->device(), {.x = x.view(), .y = x.view(), .p = p, .stream = kStream})),
                 ContractError);
}

TYPED_TEST(Dropout, EmptyTensorsAreNoWork) {
  using T = typename TestFixture::Number;
  EXPECT_NO_THROW((kernels::dropout<T>(this->device(), {.x = {}, .y = {}, .p = 0.5f, .stream = kStream})));
  EXPECT_NO_THROW(kernels::copy<T>(this->device(), {}, {}, Accumulate::yes));
  EXPECT_NO_THROW(kernels::transpose<T>(this->device(), {}, {}, Accumulate::yes));
}

}  // namespace
}  // namespace polonaise::testing
