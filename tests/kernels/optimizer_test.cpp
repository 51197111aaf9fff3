#include "kernels/optimizer.h"

#include "tests/kernels/support.h"

namespace polonaise::testing {
namespace {

constexpr Index kSizes[] = {1, 7, 8, 1000, 40001};  // below, at and across the edges of vectors and blocks

// torch.optim.AdamW in double.
void adamw_oracle(const kernels::AdamW& o, long t, double scale, std::vector<double>& p, const std::vector<double>& g,
                  std::vector<double>& m, std::vector<double>& v) {
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double gradient = scale * g[i];
    m[i] = o.beta1 * m[i] + (1 - static_cast<double>(o.beta1)) * gradient;
    v[i] = o.beta2 * v[i] + (1 - static_cast<double>(o.beta2)) * gradient * gradient;
    const double m_hat = m[i] / (1 - std::pow(static_cast<double>(o.beta1), t));
    const double v_hat = v[i] / (1 - std::pow(static_cast<double>(o.beta2), t));
    p[i] -= o.learning_rate * (static_cast<double>(o.weight_decay) * p[i] + m_hat / (std::sqrt(v_hat) + o.epsilon));
  }
}

TEST(Optimizer, AdamWFollowsTheDoubleOracleOverSteps) {
  const kernels::AdamW options{.learning_rate = 1e-2f, .weight_decay = 0.1f};
  for (Index n : kSizes) {
    auto p = random_array<1>({n}, 1);
    Array<float, 1> m({n}), v({n});
    auto p_oracle = to_double(p.values());
    std::vector<double> m_oracle(p_oracle.size()), v_oracle(p_oracle.size());
    Cpu cpu;
    for (long step = 1; step <= 5; ++step) {
      const auto g = random_array<1>({n}, static_cast<std::uint64_t>(10 + step));
      kernels::adamw_step(cpu, options, step, 0.5f, p.view(), g.view(), m.view(), v.view());
      adamw_oracle(options, step, 0.5, p_oracle, to_double(g.values()), m_oracle, v_oracle);
    }
    EXPECT_LT(relative_error(p.values(), p_oracle), kFloatTolerance) << n;
    EXPECT_LT(relative_error(m.values(), m_oracle), kFloatTolerance) << n;
    EXPECT_LT(relative_error(v.values(), v_oracle), kFloatTolerance) << n;
  }
}

TEST(Optimizer, SquaredNormIsExactInDoubleAndIndependentOfThreads) {
  for (Index n : kSizes) {
    const auto x = random_array<1>({n}, 3);
    double expected = 0;
    for (float value : x.values()) expected += static_cast<double>(value) * value;
    Cpu one{1};
    const double first = kernels::squared_norm(one, x.view());
    EXPECT_NEAR(first, expected, 1e-12 * expected);
    for (int threads : kThreadCounts) {
      Cpu cpu{threads};
      EXPECT_EQ(kernels::squared_norm(cpu, x.view()), first);
    }
  }
}

TEST(Optimizer, SumOfSlabsAddsInTheOrderGiven) {
  for (Index n : kSizes) {
    const auto a = random_array<1>({n}, 4), b = random_array<1>({n}, 5), c = random_array<1>({n}, 6);
    const View<const float, 1> shards[] = {a.view(), b.view(), c.view()};
    for (int threads : kThreadCounts) {
      Cpu cpu{threads};
      Array<float, 1> sum({n}, 9.0f);
      kernels::sum_slabs(cpu, shards, sum.view(), Accumulate::no);
      for (Index i = 0; i < n; ++i) ASSERT_EQ(sum[i], (a[i] + b[i]) + c[i]);
      kernels::sum_slabs(cpu, shards, sum.view(), Accumulate::yes);
      for (Index i = 0; i < n; ++i) ASSERT_EQ(sum[i], (((a[i] + b[i]) + c[i]) + a[i]) + b[i] + c[i]);
    }
  }
}

}  // namespace
}  // namespace polonaise::testing
