#include "kernels/norm/norm.h"

#include "kernels/base/require.h"
#include "tests/kernels/devices.h"

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

TEST(LayerNormOracle, TheOraclesGradientIsItsCentralDifference) {
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

template <class Target>
class LayerNorm : public DeviceTest<Target> {
 protected:
  using typename DeviceTest<Target>::Number;

  // The tensors of one case, and the row that is normalised, rounded as the kernel does.
  struct Problem {
    explicit Problem(const NormCase& c) : R(c.R), D(c.D), has_residual(c.residual) {
      if (!has_residual) return;
      for (Index i = 0; i < s.size(); ++i)
        s[i] = static_cast<Number>(static_cast<float>(x[i]) + static_cast<float>(residual[i]));
    }

    Index R, D;
    bool has_residual;
    Array<Number, 2> x = random_array<Number, 2>({R, D}, 1), residual = random_array<Number, 2>({R, D}, 2);
    Array<Number, 1> weight = random_array<Number, 1>({D}, 3), bias = random_array<Number, 1>({D}, 4);
    Array<Number, 2> dy = random_array<Number, 2>({R, D}, 5), dsum = random_array<Number, 2>({R, D}, 6), s = x;
  };

  static std::vector<NormCase> norm_cases() {
    return cases<NormCase>(
        {{1, 4, false}, {2, 7, true}, {33, 64, false}, {100, 128, true}, {65, 130, true}, {257, 20, false}},
        {{5, 7, true}, {66, 40, false}});
  }
};
TYPED_TEST_SUITE(LayerNorm, AllTargets, TargetNames);

TYPED_TEST(LayerNorm, ForwardAgreesWithTheOracleAndRepeats) {
  using T = typename TestFixture::Number;
  for (const NormCase& c : this->norm_cases()) {
    const typename TestFixture::Problem problem(c);
    const auto& [R, D, has_residual, host_x, host_residual, host_weight, host_bias, dy, dsum, s] = problem;
    const auto expected =
        norm_oracle(to_double(s.values()), to_double(host_weight.values()), to_double(host_bias.values()));
    const auto x = this->place(host_x), residual = this->place(host_residual);
    const auto weight = this->place(host_weight), bias = this->place(host_bias);
    std::vector<Array<T, 2>> results;
    for (auto& twin : this->twins()) {
      auto sum = this->place(Array<T, 2>({R, D}, T(NAN))), y = this->place(Array<T, 2>({R, D}, T(NAN)));
      auto mean = this->place(Array<float, 1>({R})), rstd = this->place(Array<float, 1>({R}));
      kernels::layer_norm_forward<T>(twin, {.x = x.view(),
                                            .residual = has_residual ? residual.view() : View<const T, 2>(),
                                            .weight = weight.view(),
                                            .bias = bias.view(),
                                            .sum = has_residual ? sum.view() : View<T, 2>(),
                                            .y = y.view(),
                                            .mean = mean.view(),
                                            .rstd = rstd.view()});
      if (has_residual) {
        EXPECT_TRUE(same_bits(fetch(sum).values(), s.values())) << R << " x " << D;
      }
      results.push_back(fetch(y));
      EXPECT_LT(relative_error(results.back().values(), expected), kTolerance<T>) << R << " x " << D;
      EXPECT_TRUE(same_bits(results.back().values(), results[0].values())) << R << " x " << D;
    }
  }
}

TYPED_TEST(LayerNorm, BackwardAgreesWithTheOracleAndRepeats) {
  using T = typename TestFixture::Number;
  for (const NormCase& c : this->norm_cases()) {
    const typename TestFixture::Problem problem(c);
    const auto& [R, D, has_residual, x, residual, host_weight, host_bias, host_dy, host_dsum, host_s] = problem;
    NormGradient expected =
        norm_gradient_oracle(to_double(host_s.values()), to_double(host_weight.values()), to_double(host_dy.values()));
    for (Index i = 0; i < host_s.size(); ++i) expected.ds[static_cast<std::size_t>(i)] += to_double(host_dsum[i]) + 1.0;
    for (double& value : expected.dweight) value += 2;
    for (double& value : expected.dbias) value += 3;
    const auto s = this->place(host_s), dy = this->place(host_dy), dsum = this->place(host_dsum);
    const auto weight = this->place(host_weight), bias = this->place(host_bias);
    auto y = this->place(Array<T, 2>({R, D}));
    auto mean = this->place(Array<float, 1>({R})), rstd = this->place(Array<float, 1>({R}));
    kernels::layer_norm_forward<T>(this->device(), {.x = s.view(),
                                                    .weight = weight.view(),
                                                    .bias = bias.view(),
                                                    .y = y.view(),
                                                    .mean = mean.view(),
                                                    .rstd = rstd.view()});
    std::vector<Array<T, 2>> ds_of;
    std::vector<Array<float, 1>> dweight_of, dbias_of;
    for (auto& twin : this->twins()) {
      auto ds = this->place(Array<T, 2>({R, D}, T(1.0f)));
      auto dweight = this->place(Array<float, 1>({D}, 2.0f)), dbias = this->place(Array<float, 1>({D}, 3.0f));
      kernels::layer_norm_backward<T>(twin, {.sum = s.view(),
                                             .weight = weight.view(),
                                             .mean = mean.view(),
                                             .rstd = rstd.view(),
                                             .dy = dy.view(),
                                             .dsum = dsum.view(),
                                             .ds = ds.view(),
                                             .accumulate = Accumulate::yes,
                                             .dweight = dweight.view(),
                                             .dbias = dbias.view()});
      ds_of.push_back(fetch(ds));
      dweight_of.push_back(fetch(dweight));
      dbias_of.push_back(fetch(dbias));
      EXPECT_LT(relative_error(ds_of.back().values(), expected.ds), kTolerance<T>) << R << " x " << D;
      EXPECT_LT(relative_error(dweight_of.back().values(), expected.dweight), kFloatTolerance) << R << " x " << D;
      EXPECT_LT(relative_error(dbias_of.back().values(), expected.dbias), kFloatTolerance) << R << " x " << D;
      EXPECT_TRUE(same_bits(ds_of.back().values(), ds_of[0].values())) << R << " x " << D;
      EXPECT_TRUE(same_bits(dweight_of.back().values(), dweight_of[0].values())) << R << " x " << D;
      EXPECT_TRUE(same_bits(dbias_of.back().values(), dbias_of[0].values())) << R << " x " << D;
    }
  }
}

TYPED_TEST(LayerNorm, GradientsMayBeWrittenOverTheResidualsOwnAndWithoutParameters) {
  using T = typename TestFixture::Number;
  const typename TestFixture::Problem problem({5, 12, false});
  const auto& [R, D, has_residual, x, residual, host_weight, host_bias, host_dy, host_dsum, host_s] = problem;
  const auto s = this->place(host_s), dy = this->place(host_dy);
  const auto weight = this->place(host_weight), bias = this->place(host_bias);
  auto y = this->place(Array<T, 2>({R, D})), dsum = this->place(host_dsum);
  auto mean = this->place(Array<float, 1>({R})), rstd = this->place(Array<float, 1>({R}));
  kernels::layer_norm_forward<T>(this->device(), {.x = s.view(),
                                                  .weight = weight.view(),
                                                  .bias = bias.view(),
                                                  .y = y.view(),
                                                  .mean = mean.view(),
                                                  .rstd = rstd.view()});
  auto expected =
      norm_gradient_oracle(to_double(host_s.values()), to_double(host_weight.values()), to_double(host_dy.values())).ds;
  for (Index i = 0; i < R * D; ++i) expected[static_cast<std::size_t>(i)] += to_double(host_dsum[i]);
  kernels::layer_norm_backward<T>(this->device(), {.sum = s.view(),
                                                   .weight = weight.view(),
                                                   .mean = mean.view(),
                                                   .rstd = rstd.view(),
                                                   .dy = dy.view(),
                                                   .dsum = dsum.view(),
                                                   .ds = dsum.view()});
  EXPECT_LT(relative_error(fetch(dsum).values(), expected), kTolerance<T>);
}

TYPED_TEST(LayerNorm, AResidualWithoutASumIsRefused) {
  using T = typename TestFixture::Number;
  auto x = this->place(Array<T, 2>({2, 4})), y = this->place(Array<T, 2>({2, 4}));
  auto weight = this->place(Array<T, 1>({4})), bias = this->place(Array<T, 1>({4}));
  auto mean = this->place(Array<float, 1>({2})), rstd = this->place(Array<float, 1>({2}));
  const kernels::LayerNormForward<T> forward{.x = x.view(),
                                             .residual = x.view(),
                                             .weight = weight.view(),
                                             .bias = bias.view(),
                                             .y = y.view(),
                                             .mean = mean.view(),
                                             .rstd = rstd.view()};
  EXPECT_THROW(kernels::layer_norm_forward<T>(this->device(), forward), ContractError);
}

}  // namespace
}  // namespace polonaise::testing
