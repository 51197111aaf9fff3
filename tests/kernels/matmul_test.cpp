#include "kernels/matmul.h"

#include "tests/kernels/support.h"

namespace polonaise::testing {
namespace {

using kernels::Op;

struct MatmulCase {
  Index m, n, k;
  Op op_a, op_b;
};

class Matmul : public ::testing::TestWithParam<MatmulCase> {};

std::vector<double> product(const MatmulCase& c, const Array<float, 2>& a, const Array<float, 2>& b) {
  std::vector<double> result(static_cast<std::size_t>(c.m * c.n));
  for (Index i = 0; i < c.m; ++i)
    for (Index j = 0; j < c.n; ++j) {
      double sum = 0;
      for (Index k = 0; k < c.k; ++k)
        sum += static_cast<double>(c.op_a == Op::none ? a[i * c.k + k] : a[k * c.m + i]) *
               (c.op_b == Op::none ? b[k * c.n + j] : b[j * c.k + k]);
      result[static_cast<std::size_t>(i * c.n + j)] = sum;
    }
  return result;
}

TEST_P(Matmul, AgreesWithTheDoubleOracleForAnyNumberOfThreads) {
  const MatmulCase& c = GetParam();
  const auto a = c.op_a == Op::none ? random_array<2>({c.m, c.k}, 1) : random_array<2>({c.k, c.m}, 1);
  const auto b = c.op_b == Op::none ? random_array<2>({c.k, c.n}, 2) : random_array<2>({c.n, c.k}, 2);
  auto expected = product(c, a, b);
  Array<float, 2> first({c.m, c.n});
  for (int threads : kThreadCounts) {
    Cpu cpu{threads};
    Array<float, 2> y({c.m, c.n}, NAN);
    kernels::matmul<float>(cpu, a.view(), c.op_a, b.view(), c.op_b, y.view(), Accumulate::no);
    EXPECT_LT(relative_error(y.values(), expected), kFloatTolerance);
    if (threads == 1) first = y;
    EXPECT_EQ(y.values(), first.values()) << threads << " threads";
  }
  Cpu cpu{1};
  kernels::matmul<float>(cpu, a.view(), c.op_a, b.view(), c.op_b, first.view(), Accumulate::yes);
  for (double& value : expected) value *= 2;
  EXPECT_LT(relative_error(first.values(), expected), kFloatTolerance);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, Matmul,
    ::testing::Values(MatmulCase{1, 1, 1, Op::none, Op::none}, MatmulCase{3, 5, 7, Op::none, Op::transpose},
                      MatmulCase{1, 130, 64, Op::none, Op::transpose}, MatmulCase{1, 65, 33, Op::transpose, Op::none},
                      MatmulCase{64, 256, 107, Op::transpose, Op::none},
                      MatmulCase{513, 130, 64, Op::none, Op::transpose}, MatmulCase{2000, 64, 128, Op::none, Op::none},
                      MatmulCase{64, 2000, 128, Op::transpose, Op::transpose}));

TEST(MatmulViews, StridedBlocksOfColumnsAreProductsOfTheirOwn) {
  const auto a = random_array<2>({4, 10}, 1), b = random_array<2>({3, 12}, 2);
  Array<float, 2> c({4, 9}, 5.0f);
  Cpu cpu;
  kernels::matmul<float>(cpu, a.view().column_block(2, 3), Op::none, b.view().column_block(5, 6), Op::none,
                         c.view().column_block(1, 6), Accumulate::no);
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j < 9; ++j) {
      double expected = 5;
      if (j >= 1 && j < 7) {
        expected = 0;
        for (Index k = 0; k < 3; ++k) expected += static_cast<double>(a[i * 10 + 2 + k]) * b[k * 12 + 5 + j - 1];
      }
      EXPECT_NEAR(c[i * 9 + j], expected, 1e-6);
    }
}

}  // namespace
}  // namespace polonaise::testing
