#include "kernels/norm.h"

#include "kernels/require.h"
#include "tests/kernels/support.h"

namespace polonaise::testing {
namespace {

using Doubles = std::vector<double>;

struct NormCase {
  Index R, D;
  bool residual;
};

Doubles norm_oracle(const Doubles& s, const Doubles& weight, const Doubles& bias) {
  const std::size_t D = weight.size();
  Doubles y(s.size());
  for (std::size_t row = 0; row < s.size(); row += D) {
    double mean = 0, variance = 0;
    for (std::size_t d = 0; d < D; ++d) mean += s[row + d] / static_cast<double>(D);
    for (std::size_t d = 0; d < D; ++d) variance += (s[row + d] - mean) * (s[row + d] - mean) / static_cast<double>(D);
    const double rstd = 1 / std::sqrt(variance + static_cast<double>(kernels::kLayerNormEpsilon));
    for (std::size_t d = 0; d < D; ++d) y[row + d] = weight[d] * (s[row + d] - mean) * rstd + bias[d];
  }
  return y;
}

struct NormGradient {
  Doubles ds, dweight, dbias;
};

NormGradient norm_gradient_oracle(const Doubles& s, const Doubles& weight, const Doubles& dy) {
  const std::size_t D = weight.size();
  NormGradient gradient{Doubles(s.size()), Doubles(D), Doubles(D)};
  const Doubles z = norm_oracle(s, Doubles(D, 1), Doubles(D, 0));
  for (std::size_t row = 0; row < s.size(); row += D) {
    double mean = 0, variance = 0, mean_g = 0, mean_gz = 0;
    for (std::size_t d = 0; d < D; ++d) {
      mean += s[row + d] / static_cast<double>(D);
      mean_g += weight[d] * dy[row + d] / static_cast<double>(D);
      mean_gz += weight[d] * dy[row + d] * z[row + d] / static_cast<double>(D);
      gradient.dweight[d] += dy[row + d] * z[row + d];
      gradient.dbias[d] += dy[row + d];
    }
    for (std::size_t d = 0; d < D; ++d) variance += (s[row + d] - mean) * (s[row + d] - mean) / static_cast<double>(D);
    const double rstd = 1 / std::sqrt(variance + static_cast<double>(kernels::kLayerNormEpsilon));
    for (std::size_t d = 0; d < D; ++d)
      gradient.ds[row + d] = rstd * (weight[d] * dy[row + d] - mean_g - z[row + d] * mean_gz);
  }
  return gradient;
}

TEST(LayerNorm, TheOraclesGradientIsItsCentralDifference) {
  constexpr Index R = 3, D = 5;
  const Doubles s = to_double(random_array<2>({R, D}, 1).values()),
                weight = to_double(random_array<1>({D}, 2).values()),
                bias = to_double(random_array<1>({D}, 3).values()), dy = to_double(random_array<2>({R, D}, 4).values());
  const auto loss = [&](const Doubles& at, const Doubles& w, const Doubles& b) {
    const Doubles y = norm_oracle(at, w, b);
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
    return sum;
  };
  const NormGradient gradient = norm_gradient_oracle(s, weight, dy);
  const auto by_s = central_differences([&](const Doubles& at) { return loss(at, weight, bias); }, s);
  const auto by_weight = central_differences([&](const Doubles& at) { return loss(s, at, bias); }, weight);
  const auto by_bias = central_differences([&](const Doubles& at) { return loss(s, weight, at); }, bias);
  EXPECT_LT(relative_error(gradient.ds, by_s), 1e-7);
  EXPECT_LT(relative_error(gradient.dweight, by_weight), 1e-7);
  EXPECT_LT(relative_error(gradient.dbias, by_bias), 1e-7);
}

class LayerNorm : public ::testing::TestWithParam<NormCase> {
 protected:
  Index R = GetParam().R, D = GetParam().D;
  bool has_residual = GetParam().residual;
  Array<float, 2> x = random_array<2>({R, D}, 1), residual = random_array<2>({R, D}, 2);
  Array<float, 1> weight = random_array<1>({D}, 3), bias = random_array<1>({D}, 4);
  Array<float, 2> dy = random_array<2>({R, D}, 5), dsum = random_array<2>({R, D}, 6);

  // The row that is normalised, in float, as the kernel adds it.
  Array<float, 2> summed() const {
    Array<float, 2> s = x;
    if (has_residual)
      for (Index i = 0; i < s.size(); ++i) s[i] += residual[i];
    return s;
  }
};

TEST_P(LayerNorm, ForwardAgreesWithTheOracleForAnyNumberOfThreads) {
  const auto expected = norm_oracle(to_double(summed().values()), to_double(weight.values()), to_double(bias.values()));
  Array<float, 2> first({R, D});
  for (int threads : kThreadCounts) {
    Cpu cpu{threads};
    Array<float, 2> sum({R, D}, NAN), y({R, D}, NAN);
    Array<float, 1> mean({R}), rstd({R});
    kernels::layer_norm_forward<float>(
        cpu, x.view(), has_residual ? View<const float, 2>(residual.view()) : View<const float, 2>(), weight.view(),
        bias.view(), has_residual ? sum.view() : View<float, 2>(), y.view(), mean.view(), rstd.view());
    if (has_residual) {
      EXPECT_EQ(sum.values(), summed().values());
    }
    EXPECT_LT(relative_error(y.values(), expected), kFloatTolerance);
    if (threads == 1) first = y;
    EXPECT_EQ(y.values(), first.values()) << threads << " threads";
  }
}

TEST_P(LayerNorm, BackwardAgreesWithTheOracleForAnyNumberOfThreads) {
  const auto s = summed();
  NormGradient expected =
      norm_gradient_oracle(to_double(s.values()), to_double(weight.values()), to_double(dy.values()));
  for (Index i = 0; i < s.size(); ++i) expected.ds[static_cast<std::size_t>(i)] += dsum[i] + 1.0;
  for (double& value : expected.dweight) value += 2;
  for (double& value : expected.dbias) value += 3;
  Array<float, 2> y({R, D}), first_ds({R, D});
  Array<float, 1> mean({R}), rstd({R}), first_dweight({D}), first_dbias({D});
  Cpu one;
  kernels::layer_norm_forward<float>(one, s.view(), {}, weight.view(), bias.view(), {}, y.view(), mean.view(),
                                     rstd.view());
  for (int threads : kThreadCounts) {
    Cpu cpu{threads};
    Array<float, 2> ds({R, D}, 1.0f);
    Array<float, 1> dweight({D}, 2.0f), dbias({D}, 3.0f);
    kernels::layer_norm_backward<float>(cpu, s.view(), weight.view(), mean.view(), rstd.view(), dy.view(), dsum.view(),
                                        ds.view(), Accumulate::yes, dweight.view(), dbias.view());
    EXPECT_LT(relative_error(ds.values(), expected.ds), kFloatTolerance);
    EXPECT_LT(relative_error(dweight.values(), expected.dweight), kFloatTolerance);
    EXPECT_LT(relative_error(dbias.values(), expected.dbias), kFloatTolerance);
    if (threads == 1) {
      first_ds = ds;
      first_dweight = dweight;
      first_dbias = dbias;
    }
    EXPECT_EQ(ds.values(), first_ds.values()) << threads << " threads";
    EXPECT_EQ(dweight.values(), first_dweight.values()) << threads << " threads";
    EXPECT_EQ(dbias.values(), first_dbias.values()) << threads << " threads";
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, LayerNorm,
                         ::testing::Values(NormCase{1, 4, false}, NormCase{2, 7, true}, NormCase{33, 64, false},
                                           NormCase{100, 128, true}, NormCase{65, 130, true},
                                           NormCase{257, 20, false}));

TEST(LayerNormViews, GradientsMayBeWrittenOverTheResidualsOwnAndWithoutParameters) {
  constexpr Index R = 5, D = 12;
  const auto s = random_array<2>({R, D}, 1), dy = random_array<2>({R, D}, 2);
  auto dsum = random_array<2>({R, D}, 3);
  const auto weight = random_array<1>({D}, 4), bias = random_array<1>({D}, 5);
  Array<float, 2> y({R, D});
  Array<float, 1> mean({R}), rstd({R});
  Cpu cpu;
  kernels::layer_norm_forward<float>(cpu, s.view(), {}, weight.view(), bias.view(), {}, y.view(), mean.view(),
                                     rstd.view());
  auto expected = norm_gradient_oracle(to_double(s.values()), to_double(weight.values()), to_double(dy.values())).ds;
  for (Index i = 0; i < dsum.size(); ++i) expected[static_cast<std::size_t>(i)] += dsum[i];
  kernels::layer_norm_backward<float>(cpu, s.view(), weight.view(), mean.view(), rstd.view(), dy.view(), dsum.view(),
                                      dsum.view(), Accumulate::no, {}, {});
  EXPECT_LT(relative_error(dsum.values(), expected), kFloatTolerance);
}

TEST(LayerNormViews, AResidualWithoutASumIsRefused) {
  Array<float, 2> x({2, 4}), y({2, 4});
  Array<float, 1> weight({4}), bias({4}), mean({2}), rstd({2});
  Cpu cpu;
  EXPECT_THROW(kernels::layer_norm_forward<float>(cpu, x.view(), x.view(), weight.view(), bias.view(), {}, y.view(),
                                                  mean.view(), rstd.view()),
               ContractError);
}

}  // namespace
}  // namespace polonaise::testing
