#include "kernels/optimizer/adamw.h"

#include "tests/kernels/devices.h"

namespace polonaise::testing {
namespace {

// Below, at and across the edges of vectors and blocks, and more elements than all threads of a card.
const std::vector<Index> kSizes = cases<Index>({1, 7, 8, 255, 256, 257, 1000, 300'001}, {257, 1500});

// torch.optim.AdamW in double.
void adamw_oracle(const kernels::AdamW& o, long t, double rate, double scale, std::vector<double>& p,
                  const std::vector<double>& g, std::vector<double>& m, std::vector<double>& v) {
  const double unbias1 = 1 - std::pow(static_cast<double>(o.beta1), t);
  const double unbias2 = 1 - std::pow(static_cast<double>(o.beta2), t);
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double gradient = scale * g[i];
    m[i] = o.beta1 * m[i] + (1 - static_cast<double>(o.beta1)) * gradient;
    v[i] = o.beta2 * v[i] + (1 - static_cast<double>(o.beta2)) * gradient * gradient;
    const double m_hat = m[i] / unbias1, v_hat = v[i] / unbias2;
    p[i] -= rate * (static_cast<double>(o.weight_decay) * p[i] + m_hat / (std::sqrt(v_hat) + o.epsilon));
  }
}

template <class Target>
class Optimizer : public DeviceTest<Target> {
 protected:
  // Numbers in the device's memory.
  template <class T>
  auto placed(std::initializer_list<T> values) {
    Array<T, 1> array({static_cast<Index>(values.size())});
    std::ranges::copy(values, array.values().begin());
    return this->place(std::move(array));
  }

  void adamw_step(const kernels::AdamW& options, const auto& now, const auto& norm, auto& p, const auto& g, auto& m,
                  auto& v) {
    kernels::adamw_step(this->device(), {.options = options,
                                         .step = now.view().data(),
                                         .squared_norm = norm.view().data(),
                                         .parameters = p.view(),
                                         .gradients = g.view(),
                                         .m = m.view(),
                                         .v = v.view()});
  }
};
TYPED_TEST_SUITE(Optimizer, FloatTargets, TargetNames);

TYPED_TEST(Optimizer, AdamWFollowsTheDoubleOracleOverSteps) {
  const kernels::AdamW options{.weight_decay = 0.1f};
  auto norm = this->placed({1.0});
  for (Index n : kSizes) {
    const auto start = random_array<1>({n}, 1);
    auto p = this->place(start), m = this->place(Array<float, 1>({n})), v = this->place(Array<float, 1>({n}));
    auto p_oracle = to_double(start.values());
    std::vector<double> m_oracle(p_oracle.size()), v_oracle(p_oracle.size());
    for (long step = 1; step <= 5; ++step) {
      const auto gradients = random_array<1>({n}, static_cast<std::uint64_t>(10 + step));
      const auto g = this->place(gradients);
      const auto now = this->placed({kernels::adamw_at(options, step, 1e-2f, 0.5f)});
      this->adamw_step(options, now, norm, p, g, m, v);
      adamw_oracle(options, step, 1e-2, 0.5, p_oracle, to_double(gradients.values()), m_oracle, v_oracle);
    }
    EXPECT_LT(relative_error(fetch(p).values(), p_oracle), kFloatTolerance) << n;
    EXPECT_LT(relative_error(fetch(m).values(), m_oracle), kFloatTolerance) << n;
    EXPECT_LT(relative_error(fetch(v).values(), v_oracle), kFloatTolerance) << n;
  }
}

TYPED_TEST(Optimizer, SquaredNormIsExactInDoubleAndRepeats) {
  for (Index n : kSizes) {
    const auto host = random_array<1>({n}, 3);
    const auto x = this->place(host);
    double expected = 0;
    for (float value : host.values()) expected += static_cast<double>(value) * value;
    std::vector<double> found;
    for (auto& twin : this->twins()) {
      auto sum = this->placed({9.0});
      kernels::squared_norm(twin, x.view(), sum.view().data());
      found.push_back(fetch(sum)[0]);
    }
    EXPECT_NEAR(found.front(), expected, 1e-12 * expected);
    for (const double again : found) EXPECT_EQ(again, found.front());
  }
}

TYPED_TEST(Optimizer, SumOfElementsIsExactInDoubleAndRepeats) {
  for (Index n : kSizes) {
    const auto host = random_array<1>({n}, 4);
    const auto x = this->place(host);
    double expected = 0, magnitude = 0;
    for (float value : host.values()) expected += static_cast<double>(value), magnitude += std::abs(value);
    std::vector<double> found;
    for (auto& twin : this->twins()) {
      auto sum = this->placed({9.0});
      kernels::sum_elements(twin, x.view(), sum.view().data(), Accumulate::no);
      kernels::sum_elements(twin, x.view(), sum.view().data(), Accumulate::yes);
      found.push_back(fetch(sum)[0]);
    }
    EXPECT_NEAR(found.front(), 2 * expected, 1e-12 * magnitude);
    for (const double again : found) EXPECT_EQ(again, found.front());
  }
}

// A first step: m is a tenth of the gradient as it was scaled, or clipped.
TYPED_TEST(Optimizer, TheNormThatStandsInMemoryClips) {
  const kernels::AdamW options{.clip = 2.0f};
  for (const auto& [squared, expected] :
       {std::pair(16.0, 0.1 * 3 * 0.25), {64.0, 0.1 * 3 * 0.25}, {256.0, 0.1 * 3 / 8}}) {
    auto p = this->placed({1.0f}), m = this->placed({0.0f}), v = this->placed({0.0f});
    const auto g = this->placed({3.0f});
    const auto norm = this->placed({squared});
    const auto now = this->placed({kernels::adamw_at(options, 1, 1e-2f, 0.25f)});
    this->adamw_step(options, now, norm, p, g, m, v);
    EXPECT_NEAR(fetch(m)[0], expected, 1e-6) << squared;
  }
}

TYPED_TEST(Optimizer, ANormThatIsNotFiniteChangesNothing) {
  const kernels::AdamW options{.weight_decay = 0.5f, .clip = 1.0f};
  for (const double bad : {static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    auto p = this->placed({1.0f, 2.0f}), m = this->placed({3.0f, 4.0f}), v = this->placed({5.0f, 6.0f});
    const auto g = this->placed({NAN, 1.0f});
    const auto norm = this->placed({bad});
    const auto now = this->placed({kernels::adamw_at(options, 1, 1e-2f)});
    this->adamw_step(options, now, norm, p, g, m, v);
    EXPECT_EQ(fetch(p).values(), std::vector({1.0f, 2.0f}));
    EXPECT_EQ(fetch(m).values(), std::vector({3.0f, 4.0f}));
    EXPECT_EQ(fetch(v).values(), std::vector({5.0f, 6.0f}));
  }
}

TYPED_TEST(Optimizer, TheAverageGoesAShareOfTheWayToTheParameters) {
  for (Index n : kSizes) {
    const auto parameters = random_array<1>({n}, 5), start = random_array<1>({n}, 6);
    const auto p = this->place(parameters);
    auto average = this->place(start);
    const auto norm = this->placed({4.0}), bad = this->placed({static_cast<double>(NAN)});
    const auto now = this->placed({kernels::AdamWStep{.average = 0.125f}});
    std::vector<double> expected = to_double(start.values());
    kernels::AverageUpdate update{.step = now.view().data(),
                                  .squared_norm = norm.view().data(),
                                  .parameters = p.view(),
                                  .average = average.view()};
    for (int step = 0; step < 3; ++step) {
      kernels::average_step(this->device(), update);
      for (std::size_t i = 0; i < expected.size(); ++i)
        expected[i] += 0.125 * (static_cast<double>(parameters.values()[i]) - expected[i]);
    }
    const auto averaged = fetch(average).values();
    EXPECT_LT(relative_error(averaged, expected), kFloatTolerance) << n;
    update.squared_norm = bad.view().data();
    kernels::average_step(this->device(), update);
    EXPECT_TRUE(same_bits(fetch(average).values(), averaged)) << n;
  }
}

TYPED_TEST(Optimizer, SumOfSlabsAddsInTheOrderGiven) {
  constexpr std::size_t kMany = 35;  // more than a launch takes
  for (Index n : cases<Index>({1, 257, 40'001}, {257})) {
    std::vector<Array<float, 1>> hosts;
    std::vector<decltype(this->place(hosts[0]))> slabs;
    std::vector<View<const float, 1>> views;
    for (std::size_t i = 0; i < kMany; ++i) {
      hosts.push_back(random_array<1>({n}, 20 + i));
      slabs.push_back(this->place(hosts.back()));
      views.push_back(slabs.back().view());
    }
    for (std::size_t count : cases<std::size_t>({1, 3, kMany}, {3}))
      for (auto& twin : this->twins()) {
        const std::span<const View<const float, 1>> shards(views.data(), count);
        Array<float, 1> expected({n});
        const auto add = [&](std::size_t first) {
          for (Index i = 0; i < n; ++i)
            for (std::size_t s = first; s < count; ++s) expected[i] += hosts[s][i];
        };
        expected = hosts[0];
        add(1);
        auto sum = this->place(Array<float, 1>({n}, 9.0f));
        kernels::sum_slabs(twin, shards, sum.view(), Accumulate::no);
        ASSERT_TRUE(same_bits(fetch(sum).values(), expected.values())) << count << " slabs of " << n;
        add(0);
        kernels::sum_slabs(twin, shards, sum.view(), Accumulate::yes);
        ASSERT_TRUE(same_bits(fetch(sum).values(), expected.values())) << count << " slabs of " << n;
      }
  }
}

TYPED_TEST(Optimizer, EmptySlabsAreNoWork) {
  auto sum = this->placed({9.0});
  kernels::squared_norm(this->device(), {}, sum.view().data());
  EXPECT_EQ(fetch(sum)[0], 0.0);
  const auto now = this->placed({kernels::AdamWStep()});
  const kernels::AdamWUpdate nothing{.step = now.view().data(),
                                     .squared_norm = sum.view().data(),
                                     .parameters = {},
                                     .gradients = {},
                                     .m = {},
                                     .v = {}};
  EXPECT_NO_THROW(kernels::adamw_step(this->device(), nothing));
}

}  // namespace
}  // namespace polonaise::testing
