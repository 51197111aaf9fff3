#include "kernels/matmul/matmul.h"

#include "kernels/base/require.h"
#include "tests/kernels/devices.h"

namespace polonaise::testing {
namespace {

using kernels::Op;

struct MatmulCase {
  Index m, n, k;
  Op op_a, op_b;
};

// A factor that its op turns into [rows, columns].
template <class T>
Array<T, 2> factor(Index rows, Index columns, Op op, std::uint64_t seed) {
  if (op == Op::transpose) std::swap(rows, columns);
  return random_array<T, 2>({rows, columns}, seed);
}

template <class T>
std::vector<double> product(const MatmulCase& c, const Array<T, 2>& host_a, const Array<T, 2>& host_b) {
  const auto a = to_double(host_a.values()), b = to_double(host_b.values());
  std::vector<double> result;
  for (Index i = 0; i < c.m; ++i)
    for (Index j = 0; j < c.n; ++j) {
      double sum = 0;
      for (Index k = 0; k < c.k; ++k)
        sum += a[static_cast<std::size_t>(c.op_a == Op::none ? i * c.k + k : k * c.m + i)] *
               b[static_cast<std::size_t>(c.op_b == Op::none ? k * c.n + j : j * c.k + k)];
      result.push_back(sum);
    }
  return result;
}

const std::vector<MatmulCase> kMatmulCases = cases<MatmulCase>({{1, 1, 1, Op::none, Op::none},
                                                                {3, 5, 7, Op::none, Op::transpose},
                                                                {1, 130, 64, Op::none, Op::transpose},
                                                                {1, 65, 33, Op::transpose, Op::none},
                                                                {64, 256, 107, Op::transpose, Op::none},
                                                                {513, 130, 64, Op::none, Op::transpose},
                                                                {2000, 64, 128, Op::none, Op::none},
                                                                {64, 2000, 128, Op::transpose, Op::transpose}},
                                                               {{3, 5, 7, Op::none, Op::transpose}});

template <class Target>
class Matmul : public DeviceTest<Target> {};
TYPED_TEST_SUITE(Matmul, AllTargets, TargetNames);

TYPED_TEST(Matmul, AgreesWithTheDoubleOracleAndRepeats) {
  using T = typename TestFixture::Number;
  for (const MatmulCase& c : kMatmulCases) {
    const auto host_a = factor<T>(c.m, c.k, c.op_a, 1), host_b = factor<T>(c.k, c.n, c.op_b, 2);
    const auto a = this->place(host_a), b = this->place(host_b);
    auto expected = product(c, host_a, host_b);
    std::vector<Array<T, 2>> results;
    for (auto& twin : this->twins()) {
      auto y = this->place(Array<T, 2>({c.m, c.n}, T(NAN)));
      kernels::matmul<T>(twin, {.a = a.view(), .op_a = c.op_a, .b = b.view(), .op_b = c.op_b, .c = y.view()});
      results.push_back(fetch(y));
      EXPECT_LT(relative_error(results.back().values(), expected), kTolerance<T>) << c.m << "x" << c.n << "x" << c.k;
      EXPECT_TRUE(same_bits(results.back().values(), results.front().values())) << c.m << "x" << c.n << "x" << c.k;
    }
    auto y = this->place(results.front());
    kernels::matmul<T>(
        this->device(),
        {.a = a.view(), .op_a = c.op_a, .b = b.view(), .op_b = c.op_b, .c = y.view(), .accumulate = Accumulate::yes});
    for (double& value : expected) value *= 2;
    EXPECT_LT(relative_error(fetch(y).values(), expected), kTolerance<T>) << c.m << "x" << c.n << "x" << c.k;
  }
}

TYPED_TEST(Matmul, StridedBlocksOfColumnsAreProductsOfTheirOwn) {
  using T = typename TestFixture::Number;
  const auto host_a = random_array<T, 2>({4, 10}, 1), host_b = random_array<T, 2>({3, 12}, 2);
  const auto a = this->place(host_a), b = this->place(host_b);
  auto placed = this->place(Array<T, 2>({4, 9}, T(5.0f)));
  kernels::matmul<T>(
      this->device(),
      {.a = a.view().column_block(2, 3), .b = b.view().column_block(5, 6), .c = placed.view().column_block(1, 6)});
  const auto c = fetch(placed);
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j < 9; ++j) {
      double expected = 5;
      if (j >= 1 && j < 7) {
        expected = 0;
        for (Index k = 0; k < 3; ++k) expected += to_double(host_a[i * 10 + 2 + k]) * to_double(host_b[k * 12 + 4 + j]);
      }
      EXPECT_NEAR(to_double(c[i * 9 + j]), expected, 3 * kTolerance<T>);
    }
}

TYPED_TEST(Matmul, RefusesShapesThatDoNotFitAndDoesNothingForAnEmptyResult) {
  using T = typename TestFixture::Number;
  auto a = this->place(Array<T, 2>({4, 3})), b = this->place(Array<T, 2>({3, 5})), c = this->place(Array<T, 2>({4, 5}));
  const auto multiply = [&](View<const T, 2> x, Op op, View<const T, 2> y, View<T, 2> z) {
    kernels::matmul<T>(this->device(), {.a = x, .b = y, .op_b = op, .c = z});
  };
  EXPECT_THROW(multiply(a.view(), Op::transpose, b.view(), c.view()), ContractError);
  EXPECT_THROW(multiply(a.view().row_block(0, 3), Op::none, b.view(), c.view()), ContractError);
  EXPECT_THROW(multiply(a.view(), Op::none, b.view().column_block(0, 4), c.view()), ContractError);
  EXPECT_THROW(multiply(a.view().column_block(0, 0), Op::none, b.view().row_block(0, 0), c.view()), ContractError);
  EXPECT_NO_THROW(multiply(a.view().row_block(0, 0), Op::none, b.view(), c.view().row_block(0, 0)));
}

#ifdef POLONAISE_HAS_CUDA
class MatmulInTf32 : public InTf32 {};

TEST_F(MatmulInTf32, AgreesWithTheDoubleOracle) {
  for (const MatmulCase& c : cases<MatmulCase>({{64, 256, 107, Op::transpose, Op::none},
                                                {513, 130, 64, Op::none, Op::transpose},
                                                {64, 200, 128, Op::transpose, Op::transpose}},
                                               {{3, 5, 7, Op::none, Op::transpose}})) {
    SCOPED_TRACE(::testing::Message() << c.m << "x" << c.n << "x" << c.k);
    const auto host_a = factor<float>(c.m, c.k, c.op_a, 1), host_b = factor<float>(c.k, c.n, c.op_b, 2);
    const auto a = place(host_a), b = place(host_b);
    auto y = place(Array<float, 2>({c.m, c.n}));
    kernels::matmul<float>(device(), {.a = a.view(), .op_a = c.op_a, .b = b.view(), .op_b = c.op_b, .c = y.view()});
    expect_tf32(fetch(y).values(), product(c, host_a, host_b));
  }
}
#endif

}  // namespace
}  // namespace polonaise::testing
