#include "kernels/loss/loss.h"

#include <limits>
#include <numeric>
#include <string>

#include "kernels/base/require.h"
#include "tests/kernels/sparse_support.h"

namespace polonaise::testing {
namespace {

struct Shape {
  Index rows, columns;
};
// One column, tails of every vector length, several blocks of rows, more columns than one product of factors takes.
const std::vector<Shape> kShapes =
    cases<Shape>({{1, 1}, {3, 2}, {5, 24}, {7, 106}, {33, 388}, {300, 130}, {2, 1500}}, {{3, 2}, {5, 35}, {5, 132}});

struct Result {
  std::vector<double> losses, gradient;
};

// Targets from -1 (nothing) to V - 1.
Array<std::int32_t, 1> random_targets(Index rows, Index columns, std::uint64_t seed) {
  Array<std::int32_t, 1> targets({rows});
  for (Index r = 0; r < rows; ++r)
    targets[r] = static_cast<std::int32_t>(kernels::random_words({seed, 0, 0}, static_cast<std::uint32_t>(r), 0)[0] %
                                           static_cast<unsigned>(columns + 1)) -
                 1;
  return targets;
}

Result cross_entropy_oracle(Shape shape, const std::vector<double>& logits, const std::vector<std::int32_t>& targets) {
  Result result{std::vector<double>(static_cast<std::size_t>(shape.rows)), std::vector<double>(logits.size())};
  for (Index r = 0; r < shape.rows; ++r) {
    const Index target = targets[static_cast<std::size_t>(r)];
    if (target < 0) continue;
    const double* x = logits.data() + r * shape.columns;
    double sum = 0;
    for (Index v = 0; v < shape.columns; ++v) sum += std::exp(x[v]);
    result.losses[static_cast<std::size_t>(r)] = std::log(sum) - x[target];
    for (Index v = 0; v < shape.columns; ++v)
      result.gradient[static_cast<std::size_t>(r * shape.columns + v)] = std::exp(x[v]) / sum - (v == target);
  }
  return result;
}

Result bernoulli_oracle(Shape shape, const std::vector<double>& logits, const SparseMatrix& targets,
                        const std::vector<std::int32_t>& mask) {
  Result result{std::vector<double>(static_cast<std::size_t>(shape.rows)), std::vector<double>(logits.size())};
  for (Index r = 0; r < shape.rows; ++r) {
    if (!mask.empty() && mask[static_cast<std::size_t>(r)] == 0) continue;
    std::vector<double> y(static_cast<std::size_t>(shape.columns));
    for (Index e = targets.begin(r); e < targets.end(r); ++e) y[static_cast<std::size_t>(targets.column(e))] = 1;
    for (Index k = 0; k < shape.columns; ++k) {
      const auto i = static_cast<std::size_t>(r * shape.columns + k);
      const double x = logits[i], target = y[static_cast<std::size_t>(k)];
      result.losses[static_cast<std::size_t>(r)] += std::max(x, 0.0) - x * target + std::log1p(std::exp(-std::abs(x)));
      result.gradient[i] = 1 / (1 + std::exp(-x)) - target;
    }
  }
  return result;
}

double total(const Result& result) {
  return std::accumulate(result.losses.begin(), result.losses.end(), 0.0);
}

template <class Target>
class Losses : public DeviceTest<Target> {
 protected:
  using Device = typename Target::Device;

  PlacedSparse<Device> place_sparse(const SparseMatrix& matrix) { return {this->device(), matrix}; }

  // Runs `kernel(device, losses, dlogits)` on every twin against what the oracle says.
  template <class Kernel>
  void expect_follows_oracle(Shape shape, const Result& expected, Kernel&& kernel) {
    const std::string name = std::to_string(shape.rows) + " x " + std::to_string(shape.columns);
    std::vector<Array<float, 1>> all_losses;
    std::vector<Array<float, 2>> gradients;
    for (auto& twin : this->twins()) {
      auto losses = this->place(Array<float, 1>({shape.rows}, NAN));
      auto gradient = this->place(Array<float, 2>({shape.rows, shape.columns}, NAN));
      kernel(twin, losses.view(), gradient.view());
      all_losses.push_back(fetch(losses));
      gradients.push_back(fetch(gradient));
      EXPECT_LT(relative_error(all_losses.back().values(), expected.losses), kFloatTolerance) << name;
      EXPECT_LT(relative_error(gradients.back().values(), expected.gradient), kFloatTolerance) << name;
      EXPECT_TRUE(same_bits(all_losses.back().values(), all_losses[0].values())) << name;
      EXPECT_TRUE(same_bits(gradients.back().values(), gradients[0].values())) << name;
    }
    auto alone = this->place(Array<float, 1>({shape.rows}, NAN));
    kernel(this->device(), alone.view(), View<float, 2>{});
    EXPECT_EQ(fetch(alone).values(), all_losses[0].values()) << name;
  }

  // What a kernel does with targets that are none: `kernel(losses, dlogits)` has one row of 5 logits.
  template <class Kernel>
  void expect_refused_or_nan(Kernel&& kernel) {
    auto losses = this->place(Array<float, 1>({1}));
    auto gradient = this->place(Array<float, 2>({1, 5}));
    if constexpr (std::is_same_v<Device, Cpu>) {
      EXPECT_THROW(kernel(losses.view(), gradient.view()), ContractError);
    } else {
      kernel(losses.view(), gradient.view());
      EXPECT_TRUE(std::isnan(fetch(losses)[0]));
      const auto slopes = fetch(gradient);
      for (float slope : slopes.values()) EXPECT_TRUE(std::isnan(slope));
    }
  }
};
template <class Target>
class SoftmaxCrossEntropy : public Losses<Target> {};
template <class Target>
class BernoulliWithLogits : public Losses<Target> {};
TYPED_TEST_SUITE(Losses, FloatTargets, TargetNames);
TYPED_TEST_SUITE(SoftmaxCrossEntropy, FloatTargets, TargetNames);
TYPED_TEST_SUITE(BernoulliWithLogits, FloatTargets, TargetNames);

TYPED_TEST(SoftmaxCrossEntropy, FollowsTheDoubleOracleAndRepeats) {
  for (Shape shape : kShapes) {
    const auto host_logits = random_array<2>({shape.rows, shape.columns}, 1, 6.0f);
    const auto host_targets = random_targets(shape.rows, shape.columns, 2);
    const auto logits = this->place(host_logits);
    const auto targets = this->place(host_targets);
    const auto expected = cross_entropy_oracle(shape, to_double(host_logits.values()), host_targets.values());
    this->expect_follows_oracle(shape, expected, [&](auto& device, View<float, 1> losses, View<float, 2> dlogits) {
      kernels::softmax_cross_entropy(
          device, {.logits = logits.view(), .targets = targets.view(), .losses = losses, .dlogits = dlogits});
    });
  }
}

TEST(LossOracles, GradientOfCrossEntropyIsTheDerivativeOfItsLoss) {
  const Shape shape{3, 7};
  const auto targets = random_targets(3, 7, 3);
  const auto logits = to_double(random_array<2>({3, 7}, 4, 3.0f).values());
  const auto numeric = central_differences(
      [&](const std::vector<double>& x) { return total(cross_entropy_oracle(shape, x, targets.values())); }, logits);
  EXPECT_LT(relative_error(numeric, cross_entropy_oracle(shape, logits, targets.values()).gradient), 1e-8);
}

TYPED_TEST(SoftmaxCrossEntropy, LargeLogitsNeitherOverflowNorLoseTheSmallLoss) {
  Array<float, 2> host_logits({4, 20}, 1000.0f);
  host_logits[0] = 1010.0f, host_logits[20 + 19] = -1000.0f, host_logits[40] = 3000.0f;
  std::fill_n(host_logits.view().row(3), 19, -std::numeric_limits<float>::infinity());  // forbidden
  Array<std::int32_t, 1> host_targets({4});
  host_targets[0] = 0, host_targets[1] = 19, host_targets[2] = 0, host_targets[3] = 19;
  const auto logits = this->place(host_logits);
  const auto targets = this->place(host_targets);
  auto placed_losses = this->place(Array<float, 1>({4}));
  kernels::softmax_cross_entropy(this->device(),
                                 {.logits = logits.view(), .targets = targets.view(), .losses = placed_losses.view()});
  const auto losses = fetch(placed_losses);
  EXPECT_NEAR(losses[0], std::log1p(19 * std::exp(-10.0)), 1e-6);
  EXPECT_FLOAT_EQ(losses[1], 2000.0f + std::log(19.0f));
  EXPECT_EQ(losses[2], 0.0f);
  EXPECT_EQ(losses[3], 0.0f);
}

TYPED_TEST(SoftmaxCrossEntropy, GradientMayTakeTheLogitsPlace) {
  auto logits = this->place(random_array<2>({9, 29}, 5));
  const auto targets = this->place(random_targets(9, 29, 6));
  auto losses = this->place(Array<float, 1>({9})), losses_in_place = this->place(Array<float, 1>({9}));
  auto gradient = this->place(Array<float, 2>({9, 29}));
  const auto run = [&](View<float, 1> to, View<float, 2> dlogits) {
    kernels::softmax_cross_entropy(
        this->device(), {.logits = logits.view(), .targets = targets.view(), .losses = to, .dlogits = dlogits});
  };
  run(losses.view(), gradient.view());
  run(losses_in_place.view(), logits.view());
  EXPECT_EQ(fetch(losses).values(), fetch(losses_in_place).values());
  EXPECT_EQ(fetch(gradient).values(), fetch(logits).values());
}

TYPED_TEST(SoftmaxCrossEntropy, TargetsOutsideTheRowAreRefusedOrShowAsNan) {
  const auto logits = this->place(random_array<2>({1, 5}, 7));
  for (std::int32_t bad : {-2, 5}) {
    const auto targets = this->place(Array<std::int32_t, 1>({1}, bad));
    this->expect_refused_or_nan([&](View<float, 1> losses, View<float, 2> dlogits) {
      kernels::softmax_cross_entropy(
          this->device(), {.logits = logits.view(), .targets = targets.view(), .losses = losses, .dlogits = dlogits});
    });
  }
}

TYPED_TEST(BernoulliWithLogits, FollowsTheDoubleOracleAndRepeats) {
  for (Shape shape : kShapes)
    for (bool masked : {false, true}) {
      const auto host_logits = random_array<2>({shape.rows, shape.columns}, 8, 6.0f);
      const auto host_targets = random_sparse(shape.rows, shape.columns, 4, 9, false);
      Array<std::int32_t, 1> host_mask({shape.rows}, 1);
      for (Index r = 1; r < shape.rows; r += 3) host_mask[r] = 0;
      const auto logits = this->place(host_logits);
      const auto targets = this->place_sparse(host_targets);
      const auto mask = this->place(host_mask);
      const auto expected = bernoulli_oracle(shape, to_double(host_logits.values()), host_targets,
                                             masked ? host_mask.values() : std::vector<std::int32_t>{});
      this->expect_follows_oracle(shape, expected, [&](auto& device, View<float, 1> losses, View<float, 2> dlogits) {
        kernels::bernoulli_with_logits(device, {.logits = logits.view(),
                                                .targets = targets.view(),
                                                .mask = masked ? mask.view() : View<const std::int32_t, 1>{},
                                                .losses = losses,
                                                .dlogits = dlogits});
      });
    }
}

TEST(LossOracles, GradientOfBernoulliKeysIsTheDerivativeOfItsLoss) {
  const Shape shape{3, 7};
  const auto targets = random_sparse(3, 7, 3, 10, false);
  const std::vector<std::int32_t> mask{1, 0, 1};
  const auto logits = to_double(random_array<2>({3, 7}, 11, 3.0f).values());
  const auto numeric = central_differences(
      [&](const std::vector<double>& x) { return total(bernoulli_oracle(shape, x, targets, mask)); }, logits);
  EXPECT_LT(relative_error(numeric, bernoulli_oracle(shape, logits, targets, mask).gradient), 1e-8);
}

TYPED_TEST(BernoulliWithLogits, SureAndSilentKeysKeepTheirSmallLosses) {
  Array<float, 2> host_logits({2, 106}, -18.0f);
  for (Index k = 0; k < 106; ++k) host_logits[106 + k] = -200.0f;
  const auto logits = this->place(host_logits);
  const auto silent = this->place_sparse({.offsets = {0, 0, 0}, .columns = {}, .values = {}});
  auto placed_losses = this->place(Array<float, 1>({2}));
  auto gradient = this->place(Array<float, 2>({2, 106}));
  kernels::bernoulli_with_logits(
      this->device(),
      {.logits = logits.view(), .targets = silent.view(), .losses = placed_losses.view(), .dlogits = gradient.view()});
  const auto losses = fetch(placed_losses);
  EXPECT_NEAR(losses[0], 106 * std::log1p(std::exp(-18.0)), 1e-5 * losses[0]);
  EXPECT_NEAR(fetch(gradient)[0], std::exp(-18.0), 1e-5 * std::exp(-18.0));
  EXPECT_EQ(losses[1], 0.0f);
}

TYPED_TEST(BernoulliWithLogits, GradientMayTakeTheLogitsPlace) {
  auto logits = this->place(random_array<2>({9, 40}, 17, 3.0f));
  const auto targets = this->place_sparse(random_sparse(9, 40, 8, 18, false));
  auto losses = this->place(Array<float, 1>({9})), losses_in_place = this->place(Array<float, 1>({9}));
  auto gradient = this->place(Array<float, 2>({9, 40}));
  const auto run = [&](View<float, 1> to, View<float, 2> dlogits) {
    kernels::bernoulli_with_logits(
        this->device(), {.logits = logits.view(), .targets = targets.view(), .losses = to, .dlogits = dlogits});
  };
  run(losses.view(), gradient.view());
  run(losses_in_place.view(), logits.view());
  EXPECT_EQ(fetch(losses).values(), fetch(losses_in_place).values());
  EXPECT_EQ(fetch(gradient).values(), fetch(logits).values());
}

TYPED_TEST(BernoulliWithLogits, KeysOutsideTheRowAreRefusedOrShowAsNan) {
  const auto logits = this->place(random_array<2>({1, 5}, 12));
  for (const SparseMatrix& bad : {SparseMatrix{.offsets = {0, 1}, .columns = {-1}, .values = {}},
                                  SparseMatrix{.offsets = {0, 2}, .columns = {1, 5}, .values = {}},
                                  SparseMatrix{.offsets = {0, 2}, .columns = {1}, .values = {}}}) {
    const auto targets = this->place_sparse(bad);
    this->expect_refused_or_nan([&](View<float, 1> losses, View<float, 2> dlogits) {
      kernels::bernoulli_with_logits(
          this->device(), {.logits = logits.view(), .targets = targets.view(), .losses = losses, .dlogits = dlogits});
    });
  }
}

TYPED_TEST(Losses, HeadsShareOneMatrixOfLogitsAsBlocksOfColumns) {
  constexpr Index kRows = 9, kKeys = 106, kDurations = 24, kAll = kKeys + kDurations;
  const auto host_logits = random_array<2>({kRows, kAll}, 13, 3.0f);
  Array<float, 2> host_keys({kRows, kKeys}), host_durations({kRows, kDurations});
  for (Index r = 0; r < kRows; ++r) {
    std::copy_n(host_logits.view().row(r), kKeys, host_keys.view().row(r));
    std::copy_n(host_logits.view().row(r) + kKeys, kDurations, host_durations.view().row(r));
  }
  const auto logits = this->place(host_logits), keys = this->place(host_keys), durations = this->place(host_durations);
  const auto sounding = this->place_sparse(random_sparse(kRows, kKeys, 4, 14, false));
  const auto targets = this->place(random_targets(kRows, kDurations, 15));
  auto losses = this->place(Array<float, 2>({2, kRows})), expected_losses = this->place(Array<float, 2>({2, kRows}));
  auto gradient = this->place(Array<float, 2>({kRows, kAll}, NAN)),
       d_keys = this->place(Array<float, 2>({kRows, kKeys})),
       d_durations = this->place(Array<float, 2>({kRows, kDurations}));
  const auto run = [&](View<const float, 2> a, View<const float, 2> b, View<float, 2> l, View<float, 2> da,
                       View<float, 2> db) {
    kernels::bernoulli_with_logits(this->device(), {.logits = a,
                                                    .targets = sounding.view(),
                                                    .mask = targets.view(),
                                                    .losses = {l.row(0), {kRows}},
                                                    .dlogits = da});
    kernels::softmax_cross_entropy(
        this->device(), {.logits = b, .targets = targets.view(), .losses = {l.row(1), {kRows}}, .dlogits = db});
  };
  run(logits.view().column_block(0, kKeys), logits.view().column_block(kKeys, kDurations), losses.view(),
      gradient.view().column_block(0, kKeys), gradient.view().column_block(kKeys, kDurations));
  run(keys.view(), durations.view(), expected_losses.view(), d_keys.view(), d_durations.view());
  // Not to the bit: whether rows are read in wide accesses, and with that the order of addition, depends on the stride.
  EXPECT_LT(relative_error(fetch(losses).values(), to_double(fetch(expected_losses).values())), 1e-6);
  Array<float, 2> joined({kRows, kAll});
  for (Index r = 0; r < kRows; ++r) {
    std::copy_n(fetch(d_keys).view().row(r), kKeys, joined.view().row(r));
    std::copy_n(fetch(d_durations).view().row(r), kDurations, joined.view().row(r) + kKeys);
  }
  EXPECT_LT(relative_error(fetch(gradient).values(), to_double(joined.values())), 1e-6);
}

TYPED_TEST(Losses, OneNanAmongTheLogitsShowsInTheLossAndTheGradient) {
  auto host_logits = random_array<2>({1, 40}, 16);
  host_logits[17] = std::numeric_limits<float>::quiet_NaN();
  const auto logits = this->place(host_logits);
  const auto targets = this->place(Array<std::int32_t, 1>({1}));
  const auto keys = this->place_sparse({.offsets = {0, 1}, .columns = {3}, .values = {}});
  auto losses = this->place(Array<float, 1>({1}));
  auto gradient = this->place(Array<float, 2>({1, 40}));
  kernels::softmax_cross_entropy(
      this->device(),
      {.logits = logits.view(), .targets = targets.view(), .losses = losses.view(), .dlogits = gradient.view()});
  EXPECT_TRUE(std::isnan(fetch(losses)[0]) && std::isnan(fetch(gradient)[17]));
  kernels::bernoulli_with_logits(
      this->device(),
      {.logits = logits.view(), .targets = keys.view(), .losses = losses.view(), .dlogits = gradient.view()});
  EXPECT_TRUE(std::isnan(fetch(losses)[0]) && std::isnan(fetch(gradient)[17]));
}

TYPED_TEST(Losses, NoRowsAreNoWork) {
  const View<const float, 2> logits(nullptr, {0, 5});
  const auto none = this->place_sparse({});
  EXPECT_NO_THROW(kernels::softmax_cross_entropy(this->device(), {.logits = logits, .targets = {}, .losses = {}}));
  EXPECT_NO_THROW(
      kernels::bernoulli_with_logits(this->device(), {.logits = logits, .targets = none.view(), .losses = {}}));
}

}  // namespace
}  // namespace polonaise::testing
