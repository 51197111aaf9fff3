#include "kernels/pointwise.h"

#include "kernels/require.h"
#include "tests/kernels/support.h"

namespace polonaise::testing {
namespace {

struct Shape {
  Index rows, columns;
};
constexpr Shape kShapes[] = {{1, 1}, {3, 7}, {33, 64}, {107, 256}, {65, 1000}};

TEST(Copy, WritesOrAddsBlocksOfColumns) {
  for (Shape s : kShapes)
    for (int threads : kThreadCounts) {
      Cpu cpu{threads};
      const auto x = random_array<2>({s.rows, s.columns}, 1), y0 = random_array<2>({s.rows, s.columns + 3}, 2);
      auto written = y0, added = y0;
      kernels::copy<float>(cpu, x.view(), written.view().column_block(2, s.columns), Accumulate::no);
      kernels::copy<float>(cpu, x.view(), added.view().column_block(2, s.columns), Accumulate::yes);
      for (Index r = 0; r < s.rows; ++r)
        for (Index c = 0; c < s.columns + 3; ++c) {
          const Index i = r * (s.columns + 3) + c;
          const bool inside = c >= 2 && c < s.columns + 2;
          ASSERT_EQ(written[i], inside ? x[r * s.columns + c - 2] : y0[i]);
          ASSERT_EQ(added[i], inside ? y0[i] + x[r * s.columns + c - 2] : y0[i]);
        }
    }
}

TEST(Copy, OntoItselfChangesNothing) {
  Cpu cpu;
  auto x = random_array<2>({5, 9}, 3);
  const auto before = x;
  kernels::copy<float>(cpu, x.view(), x.view(), Accumulate::no);
  EXPECT_EQ(x.values(), before.values());
}

TEST(Transpose, SwapsRowsAndColumns) {
  for (Shape s : kShapes)
    for (int threads : kThreadCounts) {
      Cpu cpu{threads};
      const auto x = random_array<2>({s.rows, s.columns + 1}, 4), y0 = random_array<2>({s.columns, s.rows}, 5);
      auto written = y0, added = y0;
      kernels::transpose<float>(cpu, x.view().column_block(1, s.columns), written.view(), Accumulate::no);
      kernels::transpose<float>(cpu, x.view().column_block(1, s.columns), added.view(), Accumulate::yes);
      for (Index r = 0; r < s.rows; ++r)
        for (Index c = 0; c < s.columns; ++c) {
          const float value = x[r * (s.columns + 1) + 1 + c];
          ASSERT_EQ(written[c * s.rows + r], value);
          ASSERT_EQ(added[c * s.rows + r], y0[c * s.rows + r] + value);
        }
    }
}

// Element (i, r, d) of [P, R, D], from the definition.
float dropped(float p, const kernels::RandomStream& stream, Index row, Index position, float x) {
  const float u = kernels::uniform(stream, static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(position));
  return u >= p ? x * (1 / (1 - p)) : 0.0f;
}

constexpr kernels::RandomStream kStream{42, 7, 3};

TEST(Dropout, KeepsExactlyTheElementsOfItsDefinition) {
  for (Index P : {1, 3})
    for (Index R : {1, 5})
      for (Index D : {1, 2, 3, 4, 6, 16, 64, 107, 1023})  // rows that start inside a block of four words, and tails
        for (float p : {0.0f, 0.1f, 0.5f, 0.9f}) {
          const auto x = random_array<3>({P, R, D}, 6), y0 = random_array<3>({P, R, D}, 7);
          for (int threads : kThreadCounts) {
            Cpu cpu{threads};
            auto y = y0, added = y0;
            kernels::dropout<float>(cpu, p, kStream, 11, x.view(), y.view(), Accumulate::no);
            kernels::dropout<float>(cpu, p, kStream, 11, x.view(), added.view(), Accumulate::yes);
            for (Index i = 0; i < x.size(); ++i) {
              const float expected = dropped(p, kStream, 11 + i / D % R, i / (R * D) * D + i % D, x[i]);
              ASSERT_EQ(y[i], expected) << P << " " << R << " " << D << " p " << p << " at " << i;
              ASSERT_FLOAT_EQ(added[i], y0[i] + expected);
            }
          }
        }
}

TEST(Dropout, IsTheSameTimeMajorAndBatchMajorAndForAnyShards) {
  constexpr Index T = 5, B = 6, D = 7;
  Cpu cpu;
  const Array<float, 3> ones({T, B, D}, 1);
  Array<float, 3> time_major({T, B, D}), batch_major({1, B, T * D}), shard({T, 2, D});
  kernels::dropout<float>(cpu, 0.3f, kStream, 0, ones.view(), time_major.view(), Accumulate::no);
  kernels::dropout<float>(cpu, 0.3f, kStream, 0, View<const float, 3>(ones.values().data(), {1, B, T * D}),
                          batch_major.view(), Accumulate::no);
  kernels::dropout<float>(cpu, 0.3f, kStream, 4, View<const float, 3>(ones.values().data(), {T, 2, D}), shard.view(),
                          Accumulate::no);
  for (Index t = 0; t < T; ++t)
    for (Index b = 0; b < B; ++b)
      for (Index d = 0; d < D; ++d) {
        const float here = time_major[(t * B + b) * D + d];
        EXPECT_EQ(batch_major[(b * T + t) * D + d], here);
        if (b >= 4) {
          EXPECT_EQ(shard[(t * 2 + b - 4) * D + d], here);
        }
      }
}

TEST(Dropout, DropsItsShareAndKeepsTheMean) {
  constexpr Index kCount = 1 << 20;
  Cpu cpu;
  for (float p : {0.1f, 0.5f}) {
    Array<float, 3> x({16, 64, kCount / 1024}, 1);
    kernels::dropout<float>(cpu, p, kStream, 0, x.view(), x.view(), Accumulate::no);
    double sum = 0, zeros = 0;
    for (float value : x.values()) sum += value, zeros += value == 0;
    const double deviation = std::sqrt(p * (1 - p) / kCount);
    EXPECT_NEAR(zeros / kCount, p, 4 * deviation);
    EXPECT_NEAR(sum / kCount, 1, 4 * deviation / (1 - p));
  }
}

TEST(Dropout, RefusesAProbabilityOfOne) {
  Cpu cpu;
  Array<float, 3> x({1, 1, 4});
  for (float p : {1.0f, -0.1f, NAN})
    EXPECT_THROW(kernels::dropout<float>(cpu, p, kStream, 0, x.view(), x.view(), Accumulate::no), ContractError);
}

}  // namespace
}  // namespace polonaise::testing
