#include "kernels/loss.h"

#include <limits>
#include <numeric>
#include <string>

#include "kernels/require.h"
#include "tests/kernels/sparse_support.h"
#include "tests/kernels/support.h"

namespace polonaise::testing {
namespace {

struct Shape {
  Index rows, columns;
};
// One column, tails of every vector length, several blocks of rows, more columns than one product of factors takes.
constexpr Shape kShapes[] = {{1, 1}, {3, 2}, {5, 24}, {7, 106}, {33, 388}, {300, 130}, {2, 1500}};
constexpr float kScale = 0.125f;

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
      result.gradient[static_cast<std::size_t>(r * shape.columns + v)] =
          kScale * (std::exp(x[v]) / sum - (v == target));
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
      result.gradient[i] = kScale * (1 / (1 + std::exp(-x)) - target);
    }
  }
  return result;
}

double total(const Result& result) {
  return kScale * std::accumulate(result.losses.begin(), result.losses.end(), 0.0);
}

// Runs `kernel(cpu, losses, accumulate, dlogits)` for every number of threads against what the oracle says.
template <class Kernel>
void expect_follows_oracle(Shape shape, const Result& expected, Kernel&& kernel) {
  const std::string name = std::to_string(shape.rows) + " x " + std::to_string(shape.columns);
  Array<float, 1> first({shape.rows});
  Array<float, 2> first_gradient({shape.rows, shape.columns});
  for (int threads : kThreadCounts) {
    Cpu cpu{threads};
    Array<float, 1> losses({shape.rows}, NAN);
    Array<float, 2> gradient({shape.rows, shape.columns}, NAN);
    kernel(cpu, losses.view(), Accumulate::no, gradient.view());
    EXPECT_LT(relative_error(losses.values(), expected.losses), kFloatTolerance) << name;
    EXPECT_LT(relative_error(gradient.values(), expected.gradient), kFloatTolerance) << name;
    if (threads == 1) first = losses, first_gradient = gradient;
    EXPECT_EQ(losses.values(), first.values()) << name << ", " << threads << " threads";
    EXPECT_EQ(gradient.values(), first_gradient.values()) << name << ", " << threads << " threads";
  }
  Cpu cpu;
  Array<float, 1> losses({shape.rows}, 3.0f);
  kernel(cpu, losses.view(), Accumulate::yes, View<float, 2>{});
  for (Index r = 0; r < shape.rows; ++r) EXPECT_EQ(losses[r], 3.0f + first[r]) << name << ", row " << r;
}

TEST(SoftmaxCrossEntropy, FollowsTheDoubleOracleForAnyNumberOfThreads) {
  for (Shape shape : kShapes) {
    const auto logits = random_array<2>({shape.rows, shape.columns}, 1, 6.0f);
    const auto targets = random_targets(shape.rows, shape.columns, 2);
    const auto expected = cross_entropy_oracle(shape, to_double(logits.values()), targets.values());
    expect_follows_oracle(shape, expected, [&](Cpu& cpu, View<float, 1> losses, Accumulate add, View<float, 2> d) {
      kernels::softmax_cross_entropy(cpu, logits.view(), targets.view(), kScale, losses, add, d);
    });
  }
}

TEST(SoftmaxCrossEntropy, OracleGradientIsTheDerivativeOfItsLoss) {
  const Shape shape{3, 7};
  const auto targets = random_targets(3, 7, 3);
  const auto logits = to_double(random_array<2>({3, 7}, 4, 3.0f).values());
  const auto numeric = central_differences(
      [&](const std::vector<double>& x) { return total(cross_entropy_oracle(shape, x, targets.values())); }, logits);
  EXPECT_LT(relative_error(numeric, cross_entropy_oracle(shape, logits, targets.values()).gradient), 1e-8);
}

TEST(SoftmaxCrossEntropy, LargeLogitsNeitherOverflowNorLoseTheSmallLoss) {
  Cpu cpu;
  Array<float, 2> logits({3, 20}, 1000.0f);
  logits[0] = 1010.0f, logits[20 + 19] = -1000.0f, logits[40] = 3000.0f;
  Array<std::int32_t, 1> targets({3});
  targets[0] = 0, targets[1] = 19, targets[2] = 0;
  Array<float, 1> losses({3});
  kernels::softmax_cross_entropy(cpu, logits.view(), targets.view(), 1.0f, losses.view(), Accumulate::no, {});
  EXPECT_NEAR(losses[0], std::log1p(19 * std::exp(-10.0)), 1e-6);
  EXPECT_FLOAT_EQ(losses[1], 2000.0f + std::log(19.0f));
  EXPECT_EQ(losses[2], 0.0f);
}

TEST(SoftmaxCrossEntropy, GradientMayTakeTheLogitsPlace) {
  Cpu cpu;
  auto logits = random_array<2>({9, 29}, 5);
  const auto targets = random_targets(9, 29, 6);
  Array<float, 1> losses({9}), losses_in_place({9});
  Array<float, 2> gradient({9, 29});
  kernels::softmax_cross_entropy(cpu, logits.view(), targets.view(), kScale, losses.view(), Accumulate::no,
                                 gradient.view());
  kernels::softmax_cross_entropy(cpu, logits.view(), targets.view(), kScale, losses_in_place.view(), Accumulate::no,
                                 logits.view());
  EXPECT_EQ(losses.values(), losses_in_place.values());
  EXPECT_EQ(gradient.values(), logits.values());
}

TEST(SoftmaxCrossEntropy, RefusesTargetsOutsideTheRow) {
  Cpu cpu;
  const auto logits = random_array<2>({2, 5}, 7);
  Array<float, 1> losses({2});
  for (std::int32_t bad : {-2, 5}) {
    Array<std::int32_t, 1> targets({2});
    targets[1] = bad;
    EXPECT_THROW(
        kernels::softmax_cross_entropy(cpu, logits.view(), targets.view(), 1, losses.view(), Accumulate::no, {}),
        ContractError);
  }
}

TEST(BernoulliWithLogits, FollowsTheDoubleOracleForAnyNumberOfThreads) {
  for (Shape shape : kShapes) {
    for (bool masked : {false, true}) {
      const auto logits = random_array<2>({shape.rows, shape.columns}, 8, 6.0f);
      const auto targets = random_sparse(shape.rows, shape.columns, 4, 9, false);
      Array<std::int32_t, 1> mask({shape.rows}, 1);
      for (Index r = 1; r < shape.rows; r += 3) mask[r] = 0;
      const auto expected = bernoulli_oracle(shape, to_double(logits.values()), targets,
                                             masked ? mask.values() : std::vector<std::int32_t>{});
      const View<const std::int32_t, 1> counted = masked ? mask.view() : View<std::int32_t, 1>{};
      expect_follows_oracle(shape, expected, [&](Cpu& cpu, View<float, 1> losses, Accumulate add, View<float, 2> d) {
        kernels::bernoulli_with_logits(cpu, logits.view(), targets.view(), counted, kScale, losses, add, d);
      });
    }
  }
}

TEST(BernoulliWithLogits, OracleGradientIsTheDerivativeOfItsLoss) {
  const Shape shape{3, 7};
  const auto targets = random_sparse(3, 7, 3, 10, false);
  const std::vector<std::int32_t> mask{1, 0, 1};
  const auto logits = to_double(random_array<2>({3, 7}, 11, 3.0f).values());
  const auto numeric = central_differences(
      [&](const std::vector<double>& x) { return total(bernoulli_oracle(shape, x, targets, mask)); }, logits);
  EXPECT_LT(relative_error(numeric, bernoulli_oracle(shape, logits, targets, mask).gradient), 1e-8);
}

TEST(BernoulliWithLogits, SureAndSilentKeysKeepTheirSmallLosses) {
  Cpu cpu;
  Array<float, 2> logits({2, 106}, -18.0f);
  for (Index k = 0; k < 106; ++k) logits[106 + k] = -200.0f;
  const auto silent = SparseMatrix{.offsets = {0, 0, 0}, .columns = {}, .values = {}};
  Array<float, 1> losses({2});
  Array<float, 2> gradient({2, 106});
  kernels::bernoulli_with_logits(cpu, logits.view(), silent.view(), {}, 1.0f, losses.view(), Accumulate::no,
                                 gradient.view());
  EXPECT_NEAR(losses[0], 106 * std::log1p(std::exp(-18.0)), 1e-5 * losses[0]);
  EXPECT_NEAR(gradient[0], std::exp(-18.0), 1e-5 * gradient[0]);
  EXPECT_EQ(losses[1], 0.0f);
}

TEST(BernoulliWithLogits, RefusesKeysOutsideTheRow) {
  Cpu cpu;
  const auto logits = random_array<2>({1, 5}, 12);
  Array<float, 1> losses({1});
  for (std::int32_t bad : {-1, 5}) {
    const SparseMatrix targets{.offsets = {0, 1}, .columns = {bad}, .values = {}};
    EXPECT_THROW(
        kernels::bernoulli_with_logits(cpu, logits.view(), targets.view(), {}, 1, losses.view(), Accumulate::no, {}),
        ContractError);
  }
}

TEST(Losses, HeadsShareOneMatrixOfLogitsAsBlocksOfColumns) {
  constexpr Index kRows = 9, kKeys = 106, kDurations = 24;
  const auto logits = random_array<2>({kRows, kKeys + kDurations}, 13, 3.0f);
  Array<float, 2> keys({kRows, kKeys}), durations({kRows, kDurations});
  for (Index r = 0; r < kRows; ++r) {
    std::copy_n(logits.view().row(r), kKeys, keys.view().row(r));
    std::copy_n(logits.view().row(r) + kKeys, kDurations, durations.view().row(r));
  }
  const auto sounding = random_sparse(kRows, kKeys, 4, 14, false);
  const auto targets = random_targets(kRows, kDurations, 15);
  Cpu cpu;
  Array<float, 1> losses({kRows}), expected_losses({kRows});
  Array<float, 2> gradient({kRows, kKeys + kDurations}, NAN), d_keys({kRows, kKeys}), d_durations({kRows, kDurations});
  const auto run = [&](View<const float, 2> a, View<const float, 2> b, View<float, 1> l, View<float, 2> da,
                       View<float, 2> db) {
    kernels::bernoulli_with_logits(cpu, a, sounding.view(), targets.view(), kScale, l, Accumulate::no, da);
    kernels::softmax_cross_entropy(cpu, b, targets.view(), kScale, l, Accumulate::yes, db);
  };
  run(logits.view().column_block(0, kKeys), logits.view().column_block(kKeys, kDurations), losses.view(),
      gradient.view().column_block(0, kKeys), gradient.view().column_block(kKeys, kDurations));
  run(keys.view(), durations.view(), expected_losses.view(), d_keys.view(), d_durations.view());
  EXPECT_EQ(losses.values(), expected_losses.values());
  for (Index r = 0; r < kRows; ++r) {
    EXPECT_TRUE(std::equal(d_keys.view().row(r), d_keys.view().row(r) + kKeys, gradient.view().row(r)));
    EXPECT_TRUE(
        std::equal(d_durations.view().row(r), d_durations.view().row(r) + kDurations, gradient.view().row(r) + kKeys));
  }
}

TEST(Losses, OneNanAmongTheLogitsShowsInTheLossAndTheGradient) {
  Cpu cpu;
  auto logits = random_array<2>({1, 40}, 16);
  logits[17] = std::numeric_limits<float>::quiet_NaN();
  Array<std::int32_t, 1> targets({1});
  const SparseMatrix keys{.offsets = {0, 1}, .columns = {3}, .values = {}};
  Array<float, 1> losses({1});
  Array<float, 2> gradient({1, 40});
  kernels::softmax_cross_entropy(cpu, logits.view(), targets.view(), 1, losses.view(), Accumulate::no, gradient.view());
  EXPECT_TRUE(std::isnan(losses[0]) && std::isnan(gradient[17]));
  kernels::bernoulli_with_logits(cpu, logits.view(), keys.view(), {}, 1, losses.view(), Accumulate::no,
                                 gradient.view());
  EXPECT_TRUE(std::isnan(losses[0]) && std::isnan(gradient[17]));
}

}  // namespace
}  // namespace polonaise::testing
