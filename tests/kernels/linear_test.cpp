#include "kernels/linear/linear.h"

#include <numbers>
#include <string>

#include "kernels/base/require.h"
#include "tests/kernels/devices.h"

namespace polonaise::testing {
namespace {

using kernels::Activation;

struct Shape {
  Index R, K, N;
};
// One element, one and a few rows (a path of their own), tails, several blocks of rows and columns.
// The last two need several blocks of columns and of rows.
const std::vector<Shape> kShapes = cases<Shape>({{1, 1, 1},
                                                 {1, 64, 130},
                                                 {3, 7, 5},
                                                 {4, 107, 67},
                                                 {5, 3, 9},
                                                 {150, 33, 130},
                                                 {700, 64, 64},
                                                 {260, 530, 40},
                                                 {1400, 96, 20}},
                                                {{3, 7, 5}, {70, 5, 36}});
constexpr Activation kActivations[] = {Activation::none, Activation::gelu};

double normal_cdf(double z) {
  return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}
double activate(Activation activation, double z) {
  return activation == Activation::gelu ? z * normal_cdf(z) : z;
}
double derivative(Activation activation, double z) {
  if (activation == Activation::none) return 1;
  return normal_cdf(z) + z * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
}

struct Weights {
  std::vector<double> x, weight, bias;  // bias may be empty
};

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

std::vector<double> sums_oracle(Shape s, const Weights& w) {
  std::vector<double> z(at(s.R * s.N));
  for (Index r = 0; r < s.R; ++r)
    for (Index n = 0; n < s.N; ++n) {
      double sum = w.bias.empty() ? 0 : w.bias[at(n)];
      for (Index k = 0; k < s.K; ++k) sum += w.x[at(r * s.K + k)] * w.weight[at(n * s.K + k)];
      z[at(r * s.N + n)] = sum;
    }
  return z;
}

std::vector<double> forward_oracle(Shape s, const Weights& w, Activation activation) {
  auto y = sums_oracle(s, w);
  for (double& value : y) value = activate(activation, value);
  return y;
}

Weights backward_oracle(Shape s, const Weights& w, Activation activation, const std::vector<double>& dy) {
  Weights gradient{std::vector<double>(w.x.size()), std::vector<double>(w.weight.size()), std::vector<double>(at(s.N))};
  const auto z = sums_oracle(s, w);
  for (Index r = 0; r < s.R; ++r)
    for (Index n = 0; n < s.N; ++n) {
      const double dz = dy[at(r * s.N + n)] * derivative(activation, z[at(r * s.N + n)]);
      gradient.bias[at(n)] += dz;
      for (Index k = 0; k < s.K; ++k) {
        gradient.x[at(r * s.K + k)] += dz * w.weight[at(n * s.K + k)];
        gradient.weight[at(n * s.K + k)] += dz * w.x[at(r * s.K + k)];
      }
    }
  return gradient;
}

template <class T>
struct Inputs {
  explicit Inputs(Shape s)
      : x(random_array<T, 2>({s.R, s.K}, 1)),
        weight(random_array<T, 2>({s.N, s.K}, 2)),
        bias(random_array<T, 1>({s.N}, 3)),
        dy(random_array<T, 2>({s.R, s.N}, 4)) {}
  Weights in_double() const { return {to_double(x.values()), to_double(weight.values()), to_double(bias.values())}; }

  Array<T, 2> x, weight;
  Array<T, 1> bias;
  Array<T, 2> dy;
};

std::string name(Shape s, Activation activation) {
  return std::to_string(s.R) + "x" + std::to_string(s.K) + "x" + std::to_string(s.N) +
         (activation == Activation::gelu ? " gelu" : "");
}

template <class Target>
class Linear : public DeviceTest<Target> {};
TYPED_TEST_SUITE(Linear, AllTargets, TargetNames);

TYPED_TEST(Linear, ForwardFollowsTheDoubleOracleAndRepeats) {
  using T = typename TestFixture::Number;
  for (Shape s : kShapes)
    for (Activation activation : kActivations)
      for (bool with_bias : {false, true}) {
        const Inputs<T> in(s);
        auto weights = in.in_double();
        if (!with_bias) weights.bias.clear();
        const auto expected = forward_oracle(s, weights, activation);
        const auto x = this->place(in.x), weight = this->place(in.weight);
        const auto biases = this->place(in.bias);
        const auto bias = with_bias ? biases.view() : View<const T, 1>{};
        std::vector<Array<T, 2>> results;
        for (auto& twin : this->twins()) {
          auto y = this->place(Array<T, 2>({s.R, s.N}, T(NAN))), y_kept = this->place(fetch(y)),
               saved = this->place(fetch(y));
          kernels::LinearForward<T> f{
              .x = x.view(), .weight = weight.view(), .bias = bias, .activation = activation, .y = y.view()};
          kernels::linear_forward(twin, f);
          results.push_back(fetch(y));
          EXPECT_LT(relative_error(results.back().values(), expected), kTolerance<T>) << name(s, activation);
          EXPECT_TRUE(same_bits(results.back().values(), results.front().values())) << name(s, activation);
          if (activation == Activation::none) continue;
          f.saved = saved.view(), f.y = y_kept.view();
          kernels::linear_forward(twin, f);
          EXPECT_TRUE(same_bits(fetch(y_kept).values(), results.front().values())) << name(s, activation);
        }
      }
}

TYPED_TEST(Linear, BackwardFollowsTheDoubleOracleAndRepeats) {
  using T = typename TestFixture::Number;
  for (Shape s : kShapes)
    for (Activation activation : kActivations) {
      const Inputs<T> in(s);
      auto expected = backward_oracle(s, in.in_double(), activation, to_double(in.dy.values()));
      for (double& value : expected.weight) value += 1;
      for (double& value : expected.bias) value += 2;
      const bool gelu = activation == Activation::gelu;
      const auto x = this->place(in.x), weight = this->place(in.weight), dy = this->place(in.dy);
      const auto bias = this->place(in.bias);
      auto saved = this->place(Array<T, 2>({s.R, s.N})), y = this->place(Array<T, 2>({s.R, s.N}));
      if (gelu)
        kernels::linear_forward<T>(this->device(), {.x = x.view(),
                                                    .weight = weight.view(),
                                                    .bias = bias.view(),
                                                    .activation = activation,
                                                    .saved = saved.view(),
                                                    .y = y.view()});
      const auto kept = gelu ? saved.view() : View<T, 2>{};
      std::vector<Array<T, 2>> all_dx;
      std::vector<Array<float, 2>> all_dweight;
      std::vector<Array<float, 1>> all_dbias;
      for (auto& twin : this->twins()) {
        auto dz = this->place(Array<T, 2>({s.R, s.N})), dx = this->place(Array<T, 2>({s.R, s.K}, T(NAN)));
        auto dweight = this->place(Array<float, 2>({s.N, s.K}, 1));
        auto dbias = this->place(Array<float, 1>({s.N}, 2));
        kernels::linear_backward<T>(twin, {.x = x.view(),
                                           .weight = weight.view(),
                                           .saved = kept,
                                           .activation = activation,
                                           .dy = dy.view(),
                                           .dz = gelu ? dz.view() : View<T, 2>{},
                                           .dx = dx.view(),
                                           .dweight = dweight.view(),
                                           .dbias = dbias.view()});
        all_dx.push_back(fetch(dx));
        all_dweight.push_back(fetch(dweight));
        all_dbias.push_back(fetch(dbias));
        EXPECT_LT(relative_error(all_dx.back().values(), expected.x), kTolerance<T>) << name(s, activation);
        EXPECT_LT(relative_error(all_dweight.back().values(), expected.weight), kTolerance<T>) << name(s, activation);
        EXPECT_LT(relative_error(all_dbias.back().values(), expected.bias), kTolerance<T>) << name(s, activation);
        EXPECT_TRUE(same_bits(all_dx.back().values(), all_dx.front().values())) << name(s, activation);
        EXPECT_TRUE(same_bits(all_dweight.back().values(), all_dweight.front().values())) << name(s, activation);
        EXPECT_TRUE(same_bits(all_dbias.back().values(), all_dbias.front().values())) << name(s, activation);
      }
    }
}

TYPED_TEST(Linear, BackwardComputesOnlyWhatIsAskedAndMayReuseDyForDz) {
  using T = typename TestFixture::Number;
  const Shape s = cases<Shape>({{70, 12, 20}}, {{9, 3, 8}}).front();
  const Inputs<T> in(s);
  const auto x = this->place(in.x), weight = this->place(in.weight), dy = this->place(in.dy);
  const auto bias = this->place(in.bias);
  auto saved = this->place(Array<T, 2>({s.R, s.N})), y = this->place(fetch(saved)), dz = this->place(fetch(saved));
  kernels::linear_forward<T>(this->device(), {.x = x.view(),
                                              .weight = weight.view(),
                                              .bias = bias.view(),
                                              .activation = Activation::gelu,
                                              .saved = saved.view(),
                                              .y = y.view()});
  const kernels::LinearBackward<T> of_y{.x = x.view(),
                                        .weight = weight.view(),
                                        .saved = saved.view(),
                                        .activation = Activation::gelu,
                                        .dy = dy.view(),
                                        .dz = dz.view()};
  auto all = of_y, again = of_y, weight_alone = of_y, bias_alone = of_y;
  auto dx = this->place(Array<T, 2>({s.R, s.K}));
  auto dweight = this->place(Array<float, 2>({s.N, s.K})), dweight_alone = this->place(Array<float, 2>({s.N, s.K}));
  auto dbias = this->place(Array<float, 1>({s.N})), dbias_alone = this->place(Array<float, 1>({s.N}));
  all.dx = dx.view(), all.dweight = dweight.view(), all.dbias = dbias.view();
  kernels::linear_backward(this->device(), all);
  auto dx_twice = this->place(fetch(dx));
  again.dx = dx_twice.view(), again.dx_accumulate = Accumulate::yes;
  kernels::linear_backward(this->device(), again);
  auto twice = to_double(fetch(dx).values());
  for (double& value : twice) value *= 2;
  EXPECT_LT(relative_error(fetch(dx_twice).values(), twice), kTolerance<T>);
  weight_alone.dweight = dweight_alone.view();
  kernels::linear_backward(this->device(), weight_alone);
  EXPECT_TRUE(same_bits(fetch(dweight_alone).values(), fetch(dweight).values()));
  auto reused = this->place(in.dy);
  bias_alone.dy = bias_alone.dz = reused.view(), bias_alone.dbias = dbias_alone.view();
  kernels::linear_backward(this->device(), bias_alone);
  EXPECT_TRUE(same_bits(fetch(dbias_alone).values(), fetch(dbias).values()));
  EXPECT_TRUE(same_bits(fetch(reused).values(), fetch(dz).values()));
}

TEST(LinearOracle, ItsGradientIsTheDerivativeOfItsForward) {
  const Shape s{3, 4, 5};
  for (Activation activation : kActivations) {
    const Inputs<float> in(s);
    const auto weights = in.in_double();
    const auto dy = to_double(in.dy.values());
    const auto gradient = backward_oracle(s, weights, activation, dy);
    const auto numeric = [&](std::vector<double> Weights::*part) {
      return central_differences(
          [&](const std::vector<double>& values) {
            Weights changed = weights;
            changed.*part = values;
            const auto y = forward_oracle(s, changed, activation);
            double sum = 0;
            for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
            return sum;
          },
          weights.*part);
    };
    EXPECT_LT(relative_error(numeric(&Weights::x), gradient.x), 1e-8);
    EXPECT_LT(relative_error(numeric(&Weights::weight), gradient.weight), 1e-8);
    EXPECT_LT(relative_error(numeric(&Weights::bias), gradient.bias), 1e-8);
  }
}

TYPED_TEST(Linear, GeluIsExactAllAlongTheLine) {
  using T = typename TestFixture::Number;
  const Index kPoints = cases<Index>({40001}, {81}).front();
  Array<T, 2> points({kPoints, 1});
  for (Index i = 0; i < kPoints; ++i)
    points[i] = T(static_cast<float>(i - kPoints / 2) * 40 / static_cast<float>(kPoints - 1));  // -20 .. 20
  const auto x = this->place(points), weight = this->place(Array<T, 2>({1, 1}, T(1.0f)));
  const auto ones = this->place(Array<T, 2>({kPoints, 1}, T(1.0f)));
  auto saved = this->place(Array<T, 2>({kPoints, 1})), placed_y = this->place(fetch(saved)),
       placed_dz = this->place(fetch(saved));
  kernels::linear_forward<T>(this->device(), {.x = x.view(),
                                              .weight = weight.view(),
                                              .activation = Activation::gelu,
                                              .saved = saved.view(),
                                              .y = placed_y.view()});
  kernels::linear_backward<T>(this->device(), {.x = x.view(),
                                               .weight = weight.view(),
                                               .saved = saved.view(),
                                               .activation = Activation::gelu,
                                               .dy = ones.view(),
                                               .dz = placed_dz.view()});
  const auto y = fetch(placed_y), dz = fetch(placed_dz);
  // A millionth, or half a step between neighbouring numbers of the type.
  const auto near = [](double value) { return 1e-6 + (std::is_same_v<T, bf16> ? 1.0 / 256 : 0.0) * std::abs(value); };
  for (Index i = 0; i < kPoints; ++i) {
    const double at = to_double(points[i]), value = activate(Activation::gelu, at),
                 slope = derivative(Activation::gelu, at);
    ASSERT_NEAR(to_double(y[i]), value, near(value)) << at;
    ASSERT_NEAR(to_double(dz[i]), slope, near(slope)) << at;
  }
}

TYPED_TEST(Linear, BlocksOfColumnsAreLayersOfTheirOwn) {
  using T = typename TestFixture::Number;
  for (Index R : cases<Index>({2, 90}, {5})) {
    const Shape s{R, 9, 11};
    const Inputs<T> in(s);
    Array<T, 2> wide_x({R, 15});
    for (Index r = 0; r < R; ++r) std::copy_n(in.x.view().row(r), s.K, wide_x.view().row(r) + 3);
    const auto x = this->place(in.x), block = this->place(wide_x), weight = this->place(in.weight);
    const auto bias = this->place(in.bias);
    for (Activation activation : kActivations) {
      auto placed_wide = this->place(Array<T, 2>({R, 20}, T(7.0f))), placed_y = this->place(Array<T, 2>({R, s.N}));
      kernels::LinearForward<T> f{
          .x = x.view(), .weight = weight.view(), .bias = bias.view(), .activation = activation, .y = placed_y.view()};
      kernels::linear_forward(this->device(), f);
      f.x = block.view().column_block(3, s.K), f.y = placed_wide.view().column_block(4, s.N);
      kernels::linear_forward(this->device(), f);
      const auto wide = fetch(placed_wide), y = fetch(placed_y);
      for (Index r = 0; r < R; ++r) {
        for (Index n = 0; n < s.N; ++n)
          EXPECT_NEAR(to_double(wide[r * 20 + 4 + n]), to_double(y[r * s.N + n]), kTolerance<T>);
        EXPECT_EQ(to_double(wide[r * 20 + 3]), 7);
        EXPECT_EQ(to_double(wide[r * 20 + 15]), 7);
      }
    }
  }
}

TYPED_TEST(Linear, RefusesShapesThatDoNotFit) {
  using T = typename TestFixture::Number;
  auto x = this->place(Array<T, 2>({5, 3})), weight = this->place(Array<T, 2>({4, 3})),
       narrow = this->place(Array<T, 2>({4, 2})), y = this->place(Array<T, 2>({5, 4}));
  const auto bias = this->place(Array<T, 1>({3}));
  const kernels::LinearForward<T> narrow_weight{.x = x.view(), .weight = narrow.view(), .y = y.view()};
  EXPECT_THROW(kernels::linear_forward(this->device(), narrow_weight), ContractError);
  const kernels::LinearForward<T> short_bias{
      .x = x.view(), .weight = weight.view(), .bias = bias.view(), .y = y.view()};
  EXPECT_THROW(kernels::linear_forward(this->device(), short_bias), ContractError);
  const kernels::LinearBackward<T> none_saved{
      .x = x.view(), .weight = weight.view(), .activation = Activation::gelu, .dy = y.view()};
  EXPECT_THROW(kernels::linear_backward(this->device(), none_saved), ContractError);
}

#ifdef POLONAISE_HAS_CUDA
class LinearInTf32 : public InTf32 {};

TEST_F(LinearInTf32, ForwardAndGradientsFollowTheDoubleOracle) {
  const Shape s = cases<Shape>({{150, 64, 130}}, {{9, 3, 8}}).front();
  const Inputs<float> in(s);
  const auto x = place(in.x), weight = place(in.weight), dy = place(in.dy);
  const auto bias = place(in.bias);
  for (Activation activation : kActivations) {
    const bool gelu = activation == Activation::gelu;
    auto saved = place(Array<float, 2>({s.R, s.N})), y = place(Array<float, 2>({s.R, s.N})),
         dz = place(Array<float, 2>({s.R, s.N})), dx = place(Array<float, 2>({s.R, s.K}));
    auto dweight = place(Array<float, 2>({s.N, s.K}));
    auto dbias = place(Array<float, 1>({s.N}));
    const auto given = [&](auto view) { return gelu ? view : decltype(view)(); };
    kernels::linear_forward<float>(device(), {.x = x.view(),
                                              .weight = weight.view(),
                                              .bias = bias.view(),
                                              .activation = activation,
                                              .saved = given(saved.view()),
                                              .y = y.view()});
    kernels::linear_backward<float>(device(), {.x = x.view(),
                                               .weight = weight.view(),
                                               .saved = given(saved.view()),
                                               .activation = activation,
                                               .dy = dy.view(),
                                               .dz = given(dz.view()),
                                               .dx = dx.view(),
                                               .dweight = dweight.view(),
                                               .dbias = dbias.view()});
    expect_tf32(fetch(y).values(), forward_oracle(s, in.in_double(), activation));
    const Weights expected = backward_oracle(s, in.in_double(), activation, to_double(in.dy.values()));
    expect_tf32(fetch(dx).values(), expected.x);
    expect_tf32(fetch(dweight).values(), expected.weight);
    EXPECT_LT(relative_error(fetch(dbias).values(), expected.bias), kTf32Tolerance);
  }
}
#endif

}  // namespace
}  // namespace polonaise::testing
