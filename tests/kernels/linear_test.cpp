#include "kernels/linear.h"

#include <numbers>
#include <string>

#include "kernels/require.h"
#include "tests/kernels/support.h"

namespace polonaise::testing {
namespace {

using kernels::Activation;

struct Shape {
  Index R, K, N;
};
// One element, one and a few rows (a path of their own), tails, several blocks of rows and columns.
// The last two need several blocks of columns and of rows.
constexpr Shape kShapes[] = {{1, 1, 1},      {1, 64, 130},  {3, 7, 5},      {4, 107, 67},  {5, 3, 9},
                             {150, 33, 130}, {700, 64, 64}, {260, 530, 40}, {1400, 96, 20}};
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

struct Inputs {
  explicit Inputs(Shape s)
      : x(random_array<2>({s.R, s.K}, 1)),
        weight(random_array<2>({s.N, s.K}, 2)),
        bias(random_array<1>({s.N}, 3)),
        dy(random_array<2>({s.R, s.N}, 4)) {}
  Weights in_double() const { return {to_double(x.values()), to_double(weight.values()), to_double(bias.values())}; }

  Array<float, 2> x, weight;
  Array<float, 1> bias;
  Array<float, 2> dy;
};

std::string name(Shape s, Activation activation) {
  return std::to_string(s.R) + "x" + std::to_string(s.K) + "x" + std::to_string(s.N) +
         (activation == Activation::gelu ? " gelu" : "");
}

TEST(Linear, ForwardFollowsTheDoubleOracleForAnyNumberOfThreads) {
  for (Shape s : kShapes)
    for (Activation activation : kActivations)
      for (bool with_bias : {false, true}) {
        const Inputs in(s);
        auto weights = in.in_double();
        if (!with_bias) weights.bias.clear();
        const auto bias = with_bias ? in.bias.view() : View<const float, 1>{};
        const auto expected = forward_oracle(s, weights, activation);
        Array<float, 2> first({s.R, s.N});
        for (int threads : kThreadCounts) {
          Cpu cpu{threads};
          Array<float, 2> y({s.R, s.N}, NAN), y_kept({s.R, s.N}, NAN), saved({s.R, s.N}, NAN);
          kernels::linear_forward<float>(cpu, in.x.view(), in.weight.view(), bias, activation, {}, y.view());
          EXPECT_LT(relative_error(y.values(), expected), kFloatTolerance) << name(s, activation);
          if (threads == 1) first = y;
          EXPECT_EQ(y.values(), first.values()) << name(s, activation) << ", " << threads << " threads";
          if (activation == Activation::none) continue;
          kernels::linear_forward<float>(cpu, in.x.view(), in.weight.view(), bias, activation, saved.view(),
                                         y_kept.view());
          EXPECT_EQ(y_kept.values(), y.values()) << name(s, activation);
        }
      }
}

TEST(Linear, BackwardFollowsTheDoubleOracleForAnyNumberOfThreads) {
  for (Shape s : kShapes)
    for (Activation activation : kActivations) {
      const Inputs in(s);
      auto expected = backward_oracle(s, in.in_double(), activation, to_double(in.dy.values()));
      for (double& value : expected.weight) value += 1;
      for (double& value : expected.bias) value += 2;
      const bool gelu = activation == Activation::gelu;
      Array<float, 2> saved({s.R, s.N}), y({s.R, s.N}), first_dx({s.R, s.K}), first_dweight({s.N, s.K});
      Array<float, 1> first_dbias({s.N});
      Cpu one;
      if (gelu)
        kernels::linear_forward<float>(one, in.x.view(), in.weight.view(), in.bias.view(), activation, saved.view(),
                                       y.view());
      const auto kept = gelu ? saved.view() : View<float, 2>{};
      for (int threads : kThreadCounts) {
        Cpu cpu{threads};
        Array<float, 2> dz({s.R, s.N}), dx({s.R, s.K}, NAN), dweight({s.N, s.K}, 1);
        Array<float, 1> dbias({s.N}, 2);
        kernels::linear_backward<float>(cpu, in.x.view(), in.weight.view(), kept, activation, in.dy.view(),
                                        gelu ? dz.view() : View<float, 2>{}, dx.view(), Accumulate::no, dweight.view(),
                                        dbias.view());
        EXPECT_LT(relative_error(dx.values(), expected.x), kFloatTolerance) << name(s, activation);
        EXPECT_LT(relative_error(dweight.values(), expected.weight), kFloatTolerance) << name(s, activation);
        EXPECT_LT(relative_error(dbias.values(), expected.bias), kFloatTolerance) << name(s, activation);
        if (threads == 1) first_dx = dx, first_dweight = dweight, first_dbias = dbias;
        EXPECT_EQ(dx.values(), first_dx.values()) << name(s, activation) << ", " << threads << " threads";
        EXPECT_EQ(dweight.values(), first_dweight.values()) << name(s, activation) << ", " << threads << " threads";
        EXPECT_EQ(dbias.values(), first_dbias.values()) << name(s, activation) << ", " << threads << " threads";
      }
    }
}

TEST(Linear, BackwardComputesOnlyWhatIsAskedAndMayReuseDyForDz) {
  const Shape s{70, 12, 20};
  const Inputs in(s);
  Cpu cpu;
  Array<float, 2> saved({s.R, s.N}), y({s.R, s.N}), dz({s.R, s.N}), dx({s.R, s.K}), dweight({s.N, s.K});
  Array<float, 1> dbias({s.N});
  kernels::linear_forward<float>(cpu, in.x.view(), in.weight.view(), in.bias.view(), Activation::gelu, saved.view(),
                                 y.view());
  const auto backward = [&](View<const float, 2> dy, View<float, 2> scratch, View<float, 2> to_x, Accumulate accumulate,
                            View<float, 2> to_weight, View<float, 1> to_bias) {
    kernels::linear_backward<float>(cpu, in.x.view(), in.weight.view(), saved.view(), Activation::gelu, dy, scratch,
                                    to_x, accumulate, to_weight, to_bias);
  };
  backward(in.dy.view(), dz.view(), dx.view(), Accumulate::no, dweight.view(), dbias.view());
  auto dx_alone = dx;
  backward(in.dy.view(), dz.view(), dx_alone.view(), Accumulate::yes, {}, {});
  for (Index i = 0; i < dx.size(); ++i) EXPECT_NEAR(dx_alone[i], 2 * dx[i], 1e-5);
  Array<float, 2> dweight_alone({s.N, s.K});
  backward(in.dy.view(), dz.view(), {}, Accumulate::no, dweight_alone.view(), {});
  EXPECT_EQ(dweight_alone.values(), dweight.values());
  Array<float, 1> dbias_alone({s.N});
  auto dy = in.dy;
  backward(dy.view(), dy.view(), {}, Accumulate::no, {}, dbias_alone.view());
  EXPECT_EQ(dbias_alone.values(), dbias.values());
  EXPECT_EQ(dy.values(), dz.values());
}

TEST(Linear, OracleGradientIsTheDerivativeOfItsForward) {
  const Shape s{3, 4, 5};
  for (Activation activation : kActivations) {
    const Inputs in(s);
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

TEST(Linear, GeluIsExactToAMillionthAllAlongTheLine) {
  constexpr Index kPoints = 40001;
  Cpu cpu;
  Array<float, 2> x({kPoints, 1}), weight({1, 1}, 1), saved({kPoints, 1}), y({kPoints, 1}), dz({kPoints, 1});
  for (Index i = 0; i < kPoints; ++i) x[i] = static_cast<float>(i - kPoints / 2) / 1000;  // -20 .. 20
  kernels::linear_forward<float>(cpu, x.view(), weight.view(), {}, Activation::gelu, saved.view(), y.view());
  const Array<float, 2> ones({kPoints, 1}, 1);
  kernels::linear_backward<float>(cpu, x.view(), weight.view(), saved.view(), Activation::gelu, ones.view(), dz.view(),
                                  {}, Accumulate::no, {}, {});
  for (Index i = 0; i < kPoints; ++i) {
    ASSERT_NEAR(y[i], activate(Activation::gelu, x[i]), 1e-6) << x[i];
    ASSERT_NEAR(dz[i], derivative(Activation::gelu, x[i]), 1e-6) << x[i];
  }
}

TEST(Linear, BlocksOfColumnsAreLayersOfTheirOwn) {
  for (Index R : {2, 90}) {
    const Shape s{R, 9, 11};
    const Inputs in(s);
    Cpu cpu;
    Array<float, 2> wide_x({R, 15}), wide_y({R, 20}, 7), y({R, s.N});
    for (Index r = 0; r < R; ++r) std::copy_n(in.x.view().row(r), s.K, wide_x.view().row(r) + 3);
    kernels::linear_forward<float>(cpu, wide_x.view().column_block(3, s.K), in.weight.view(), in.bias.view(),
                                   Activation::none, {}, wide_y.view().column_block(4, s.N));
    kernels::linear_forward<float>(cpu, in.x.view(), in.weight.view(), in.bias.view(), Activation::none, {}, y.view());
    for (Index r = 0; r < R; ++r) {
      for (Index n = 0; n < s.N; ++n) EXPECT_FLOAT_EQ(wide_y[r * 20 + 4 + n], y[r * s.N + n]);
      EXPECT_EQ(wide_y[r * 20 + 3], 7);
      EXPECT_EQ(wide_y[r * 20 + 15], 7);
    }
  }
}

TEST(Linear, RefusesShapesThatDoNotFit) {
  Cpu cpu;
  Array<float, 2> x({5, 3}), weight({4, 3}), narrow({4, 2}), y({5, 4});
  const Array<float, 1> bias({3});
  EXPECT_THROW(kernels::linear_forward<float>(cpu, x.view(), narrow.view(), {}, Activation::none, {}, y.view()),
               ContractError);
  EXPECT_THROW(
      kernels::linear_forward<float>(cpu, x.view(), weight.view(), bias.view(), Activation::none, {}, y.view()),
      ContractError);
  EXPECT_THROW(kernels::linear_backward<float>(cpu, x.view(), weight.view(), {}, Activation::gelu, y.view(), {}, {},
                                               Accumulate::no, {}, {}),
               ContractError);
}

}  // namespace
}  // namespace polonaise::testing
