#include "kernels/optimizer/muon.h"

#include "tests/kernels/devices.h"

namespace polonaise::testing {
namespace {

using kernels::NewtonSchulz;

const std::vector<Index> kSizes = cases<Index>({1, 7, 255, 256, 257, 1000, 100'001}, {257, 1500});

template <class Target>
class Muon : public DeviceTest<Target> {
 protected:
  // A number in the device's memory.
  template <class T>
  auto placed(T value) {
    return this->place(Array<T, 1>({1}, value));
  }

  void momentum(const kernels::Muon& options, const auto& now, const auto& norm, const auto& g, auto& m, auto& x) {
    kernels::muon_momentum(this->device(), {.options = options,
                                            .step = now.view().data(),
                                            .squared_norm = norm.view().data(),
                                            .gradients = g.view(),
                                            .m = m.view(),
                                            .x = x.view()});
  }
  void step(const kernels::Muon& options, const auto& now, const auto& norm, const auto& x, auto& p) {
    kernels::muon_step(this->device(), {.options = options,
                                        .step = now.view().data(),
                                        .squared_norm = norm.view().data(),
                                        .x = x.view(),
                                        .parameters = p.view()});
  }
};
TYPED_TEST_SUITE(Muon, FloatTargets, TargetNames);

TYPED_TEST(Muon, MomentumIsNesterovsOverSteps) {
  const kernels::Muon options{.momentum = 0.9f, .clip = 2.0f};
  const auto now = this->placed(kernels::AdamWStep{.scale = 0.5f});
  const auto norm = this->placed(64.0);  // scaled it is 4: the gradients are divided by 4
  for (Index n : kSizes) {
    auto m = this->place(Array<float, 1>({n})), x = this->place(Array<float, 1>({n}, NAN));
    std::vector<double> m_oracle(static_cast<std::size_t>(n)), x_oracle(m_oracle);
    for (std::uint64_t step = 1; step <= 3; ++step) {
      const auto gradients = random_array<1>({n}, step);
      const auto g = this->place(gradients);
      this->momentum(options, now, norm, g, m, x);
      for (std::size_t i = 0; i < m_oracle.size(); ++i) {
        const double gradient = 0.25 * static_cast<double>(gradients.values()[i]);
        m_oracle[i] = 0.9 * m_oracle[i] + 0.1 * gradient;
        x_oracle[i] = 0.9 * m_oracle[i] + 0.1 * gradient;
      }
    }
    EXPECT_LT(relative_error(fetch(m).values(), m_oracle), kFloatTolerance) << n;
    EXPECT_LT(relative_error(fetch(x).values(), x_oracle), kFloatTolerance) << n;
  }
}

TYPED_TEST(Muon, NormalizingDividesByTheNorm) {
  const auto norm = this->placed(6.25), none = this->placed(0.0);
  for (Index n : kSizes) {
    const auto host = random_array<1>({n}, 1);
    auto x = this->place(host), zeros = this->place(Array<float, 1>({n}));
    kernels::muon_normalize(this->device(), norm.view().data(), x.view());
    kernels::muon_normalize(this->device(), none.view().data(), zeros.view());
    std::vector<double> expected = to_double(host.values());
    for (double& value : expected) value /= 2.5;
    EXPECT_LT(relative_error(fetch(x).values(), expected), kFloatTolerance) << n;
    EXPECT_TRUE(same_bits(fetch(zeros).values(), std::vector<float>(static_cast<std::size_t>(n)))) << n;
  }
}

TYPED_TEST(Muon, ThePolynomialHasItsUnitOnTheDiagonal) {
  for (Index n : cases<Index>({1, 2, 16, 17, 64, 130}, {17})) {
    const auto one = random_array<2>({n, n}, 1), two = random_array<2>({n, n}, 2);
    const auto gram = this->place(one);
    auto gram2 = this->place(two);
    kernels::muon_polynomial(this->device(), gram.view(), gram2.view());
    std::vector<double> expected;
    for (Index i = 0; i < n * n; ++i)
      expected.push_back(-4.7750 * static_cast<double>(one[i]) + 2.0315 * static_cast<double>(two[i]) +
                         (i / n == i % n ? 3.4445 : 0.0));
    EXPECT_LT(relative_error(fetch(gram2).values(), expected), kFloatTolerance) << n;
  }
}

TYPED_TEST(Muon, AStepDecaysAndGoesAgainstTheDirection) {
  const kernels::Muon options{.rate = 0.5f, .weight_decay = 0.25f};
  const auto now = this->placed(kernels::AdamWStep{.share = 0.5f});
  const auto norm = this->placed(1.0);
  for (Index n : kSizes) {
    const auto start = random_array<1>({n}, 1), direction = random_array<1>({n}, 2);
    auto p = this->place(start);
    const auto x = this->place(direction);
    this->step(options, now, norm, x, p);
    std::vector<double> expected;
    for (Index i = 0; i < n; ++i)
      expected.push_back(0.9375 * static_cast<double>(start[i]) - 0.25 * static_cast<double>(direction[i]));
    EXPECT_LT(relative_error(fetch(p).values(), expected), kFloatTolerance) << n;
  }
}

TYPED_TEST(Muon, ANormThatIsNotFiniteChangesNothing) {
  const kernels::Muon options{.weight_decay = 0.5f, .clip = 1.0f};
  const auto now = this->placed(kernels::AdamWStep());
  for (const double bad : {static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    const auto norm = this->placed(bad);
    const auto g = this->placed(NAN);
    auto m = this->placed(1.0f), x = this->placed(2.0f), p = this->placed(3.0f);
    this->momentum(options, now, norm, g, m, x);
    this->step(options, now, norm, x, p);
    EXPECT_EQ(fetch(m)[0], 1.0f);
    EXPECT_EQ(fetch(x)[0], 2.0f);
    EXPECT_EQ(fetch(p)[0], 3.0f);
  }
}

}  // namespace
}  // namespace polonaise::testing
