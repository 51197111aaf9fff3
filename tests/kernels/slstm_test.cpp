#include "kernels/base/require.h"
#include "tests/kernels/recurrent_sizes_tests.h"

namespace polonaise::testing {
namespace {

struct Slstm {
  static constexpr kernels::Cell kCell = kernels::Cell::slstm;
  static OracleCell oracle() { return slstm_oracle(); }
  // c n m [layers,B,3*H]: the normaliser n is at least 1, as it is after any step.
  template <class T>
  static Array<T, 3> initial_c(Array<T, 3> numbers) {
    const Index H = numbers.view().columns() / 3;
    for (Index r = 0; r < numbers.view().rows(); ++r)
      for (Index unit = 0; unit < H; ++unit) {
        T& n = numbers.view().row(r)[H + unit];
        n = T(1 + std::abs(static_cast<float>(n)));
      }
    return numbers;
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Slstm, RecurrentStackTest, OnAllTargets<Slstm>, OnTargetNames);
#ifdef POLONAISE_HAS_CUDA
INSTANTIATE_TYPED_TEST_SUITE_P(Slstm, RecurrentSizesOfModels, OnCards<Slstm>, OnTargetNames);
#endif

template <class Target>
class SlstmStep : public DeviceTest<Target> {
 protected:
  using T = typename DeviceTest<Target>::Number;
  static constexpr Index kUnits = 11;

  // h and c n m after steps of one row with these pre-activations i f z o, the same in each unit.
  std::pair<Array<T, 3>, Array<T, 3>> after(const std::vector<std::array<float, 4>>& steps) {
    const RecurrentShape shape{1, 1, kUnits, 1, 1, kernels::Cell::slstm};
    const auto zeros = this->place(Array<T, 2>({4 * kUnits, kUnits}, T(0.0f)));
    const View<const T, 1> bias(zeros.view().data(), {4 * kUnits});
    const RecurrentLayer<const T> layer{{}, zeros.view(), bias, bias};
    auto packed = this->place(Array<float, 1>({kernels::recurrent_packed_size(this->device(), shape)}));
    kernels::recurrent_pack<T>(this->device(), shape, std::span(&layer, 1), packed.view());
    auto h = this->place(Array<T, 3>({1, 1, kUnits}, T(0.0f)));
    auto c = this->place(Array<T, 3>({1, 1, 3 * kUnits}, T(0.0f)));
    for (const auto& z : steps) {
      Array<T, 2> input({1, 4 * kUnits});
      for (Index i = 0; i < 4 * kUnits; ++i) input[i] = T(z[static_cast<std::size_t>(i / kUnits)]);
      const auto x = this->place(input);
      kernels::recurrent_step<T>(
          this->device(), shape,
          {.input = x.view(), .weights = std::span(&layer, 1), .packed = packed.view(), .h = h.view(), .c = c.view()});
    }
    return {fetch(h), fetch(c)};
  }
};
TYPED_TEST_SUITE(SlstmStep, AllTargets, TargetNames);

// By the definition without a stabiliser: c = f c + exp(z_i) z, n = f n + exp(z_i), in numbers that a float still has.
TYPED_TEST(SlstmStep, IsTheWeightedMeanOfItsInputs) {
  const auto [h, c] = this->after({{1.0f, 0.0f, 0.5f, 2.0f}, {-2.0f, 1.0f, -0.25f, 0.5f}, {0.5f, -1.0f, 2.0f, 1.0f}});
  const auto sigmoid_of = [](double x) { return 1 / (1 + std::exp(-x)); };
  double sum = std::exp(1.0) * std::tanh(0.5), count = std::exp(1.0);
  sum = sigmoid_of(1) * sum + std::exp(-2.0) * std::tanh(-0.25);
  count = sigmoid_of(1) * count + std::exp(-2.0);
  sum = sigmoid_of(-1) * sum + std::exp(0.5) * std::tanh(2.0);
  count = sigmoid_of(-1) * count + std::exp(0.5);
  for (Index unit = 0; unit < this->kUnits; ++unit)
    EXPECT_NEAR(static_cast<double>(static_cast<float>(h[unit])), sigmoid_of(1) * sum / count,
                kTolerance<typename TestFixture::T>);
}

// exp(z_i) is far out of a float's range on both sides; the state is the input that counts.
TYPED_TEST(SlstmStep, ExponentialGatesStayInRange) {
  for (const float size : {50.0f, 104.0f, 1000.0f}) {
    for (const float first : {-size, size}) {
      const auto [h, c] = this->after({{first, 0.0f, 30.0f, 30.0f}});
      for (Index unit = 0; unit < this->kUnits; ++unit) {
        EXPECT_FLOAT_EQ(static_cast<float>(h[unit]), 1.0f) << first;
        EXPECT_FLOAT_EQ(static_cast<float>(c[this->kUnits + unit]), 1.0f) << first;
      }
    }
    const auto [later_counts, c1] = this->after({{-size, 30.0f, 30.0f, 30.0f}, {size, 30.0f, -30.0f, 30.0f}});
    const auto [first_counts, c2] = this->after({{size, 30.0f, 30.0f, 30.0f}, {-size, 30.0f, -30.0f, 30.0f}});
    for (Index unit = 0; unit < this->kUnits; ++unit) {
      EXPECT_FLOAT_EQ(static_cast<float>(later_counts[unit]), -1.0f) << size;
      EXPECT_FLOAT_EQ(static_cast<float>(first_counts[unit]), 1.0f) << size;
    }
  }
}

}  // namespace
}  // namespace polonaise::testing
