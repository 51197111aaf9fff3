#include "kernels/attention.h"

#include "kernels/position.h"
#include "kernels/require.h"
#include "tests/kernels/support.h"

namespace polonaise::testing {
namespace {

using kernels::AttentionPositions;
using kernels::AttentionShape;
using Doubles = std::vector<double>;

enum class Positions { none, rotary, relative };

// The definition, in double. `window` is how many of the newest positions a query sees.
struct AttentionOracle {
  AttentionShape s;
  Doubles qkv, rotary, relative;  // relative has T entries a head
  Index window = 1 << 30;

  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
  Index qkv_at(Index b, Index t, Index which, Index n) const {
    return ((b * s.T + t) * 3 + which) * s.N * s.D + n * s.D;
  }
  Index relative_at(Index n, Index distance) const { return (n * s.T + distance) * s.D; }

  // The vector at `from`, turned by the angles of position t; sign -1 turns back.
  Doubles turned(const Doubles& x, Index from, Index t, double sign = 1) const {
    Doubles result(x.begin() + from, x.begin() + from + s.D);
    if (rotary.empty()) return result;
    const Index half = s.D / 2;
    for (Index i = 0; i < half; ++i) {
      const double cosine = rotary[at(t * s.D + i)], sine = sign * rotary[at(t * s.D + half + i)];
      result[at(i)] = x[at(from + i)] * cosine - x[at(from + half + i)] * sine;
      result[at(half + i)] = x[at(from + i)] * sine + x[at(from + half + i)] * cosine;
    }
    return result;
  }

  // Calls body(n, i, q, p) for every head and query of row b: q turned, p the probabilities of positions 0..i.
  template <class Body>
  void for_each_query(Index b, Body&& body) const {
    for (Index n = 0; n < s.N; ++n)
      for (Index i = 0; i < s.T; ++i) {
        const Doubles q = turned(qkv, qkv_at(b, i, 0, n), i);
        Doubles p(at(i + 1));
        double maximum = -INFINITY, sum = 0;
        for (Index j = 0; j <= i; ++j) {
          const Doubles k = turned(qkv, qkv_at(b, j, 1, n), j);
          double score = 0;
          for (Index d = 0; d < s.D; ++d)
            score += q[at(d)] * (k[at(d)] + (relative.empty() ? 0 : relative[at(relative_at(n, i - j) + d)]));
          p[at(j)] = i - j < window ? score / std::sqrt(static_cast<double>(s.D)) : -INFINITY;
          maximum = std::max(maximum, p[at(j)]);
        }
        for (double& value : p) sum += value = std::exp(value - maximum);
        for (double& value : p) value /= sum;
        body(n, i, q, p, maximum + std::log(sum));
      }
  }

  struct Output {
    Doubles y, log_sum;
  };
  Output forward() const {
    Output out{Doubles(at(s.B * s.T * s.N * s.D)), Doubles(at(s.B * s.N * s.T))};
    for (Index b = 0; b < s.B; ++b)
      for_each_query(b, [&](Index n, Index i, const Doubles&, const Doubles& p, double log_sum) {
        out.log_sum[at((b * s.N + n) * s.T + i)] = log_sum;
        for (Index j = 0; j <= i; ++j)
          for (Index d = 0; d < s.D; ++d)
            out.y[at(((b * s.T + i) * s.N + n) * s.D + d)] += p[at(j)] * qkv[at(qkv_at(b, j, 2, n) + d)];
      });
    return out;
  }

  struct Gradient {
    Doubles dqkv, drelative;
  };
  Gradient backward(const Doubles& dy) const {
    Gradient out{Doubles(qkv.size()), Doubles(relative.size())};
    const double scale = 1 / std::sqrt(static_cast<double>(s.D));
    for (Index b = 0; b < s.B; ++b) {
      for_each_query(b, [&](Index n, Index i, const Doubles& q, const Doubles& p, double) {
        const double* gradient = &dy[at(((b * s.T + i) * s.N + n) * s.D)];
        Doubles dp(p.size());
        double mean = 0;
        for (Index j = 0; j <= i; ++j) {
          for (Index d = 0; d < s.D; ++d) dp[at(j)] += gradient[d] * qkv[at(qkv_at(b, j, 2, n) + d)];
          mean += p[at(j)] * dp[at(j)];
        }
        for (Index j = 0; j <= i; ++j) {
          const double ds = scale * p[at(j)] * (dp[at(j)] - mean);
          const Doubles k = turned(qkv, qkv_at(b, j, 1, n), j);
          for (Index d = 0; d < s.D; ++d) {
            out.dqkv[at(qkv_at(b, i, 0, n) + d)] += ds * k[at(d)];
            out.dqkv[at(qkv_at(b, j, 1, n) + d)] += ds * q[at(d)];
            out.dqkv[at(qkv_at(b, j, 2, n) + d)] += p[at(j)] * gradient[d];
            if (relative.empty()) continue;
            out.dqkv[at(qkv_at(b, i, 0, n) + d)] += ds * relative[at(relative_at(n, i - j) + d)];
            out.drelative[at(relative_at(n, i - j) + d)] += ds * q[at(d)];
          }
        }
      });
      for (Index n = 0; n < s.N; ++n)
        for (Index t = 0; t < s.T; ++t)
          for (Index which = 0; which < 2; ++which) {
            const Index from = qkv_at(b, t, which, n);
            const Doubles back = turned(out.dqkv, from, t, -1);
            std::copy(back.begin(), back.end(), out.dqkv.begin() + from);
          }
    }
    return out;
  }
};

struct AttentionCase {
  AttentionShape shape;
  Positions positions;
};

std::string name_of(const ::testing::TestParamInfo<AttentionCase>& info) {
  const auto& [s, positions] = info.param;
  const char* kind = positions == Positions::none ? "plain" : positions == Positions::rotary ? "rotary" : "relative";
  return "T" + std::to_string(s.T) + "D" + std::to_string(s.D) + "N" + std::to_string(s.N) + "B" + std::to_string(s.B) +
         kind;
}

// Inputs of one case. Scores spread over several units, so that the softmax is neither flat nor a single key.
struct AttentionInputs {
  AttentionShape s;
  Array<float, 3> qkv, dy;
  Array<float, 2> rotary;
  Array<float, 3> relative;
  Positions kind;

  explicit AttentionInputs(const AttentionCase& c)
      : s(c.shape),
        qkv(random_array<3>({s.B, s.T, 3 * s.N * s.D}, 1, 2.0f)),
        dy(random_array<3>({s.B, s.T, s.N * s.D}, 2)),
        rotary({s.T, s.D}),
        relative(random_array<3>({s.N, s.T, s.D}, 3)),
        kind(c.positions) {
    Cpu cpu;
    if (kind == Positions::rotary) kernels::rotary_angles<float>(cpu, 0, rotary.view());
  }
  AttentionPositions<float> positions() const {
    return {kind == Positions::rotary ? rotary.view() : View<const float, 2>(),
            kind == Positions::relative ? relative.view() : View<const float, 3>()};
  }
  AttentionOracle oracle() const {
    return {s, to_double(qkv.values()), kind == Positions::rotary ? to_double(rotary.values()) : Doubles(),
            kind == Positions::relative ? to_double(relative.values()) : Doubles()};
  }
};

TEST(AttentionOracle, ItsGradientIsItsCentralDifference) {
  for (Positions kind : {Positions::none, Positions::rotary, Positions::relative}) {
    const AttentionInputs inputs({{2, 5, 2, 4}, kind});
    const AttentionOracle oracle = inputs.oracle();
    const Doubles dy = to_double(inputs.dy.values());
    const auto loss = [&](const AttentionOracle& at) {
      const Doubles y = at.forward().y;
      double sum = 0;
      for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
      return sum;
    };
    const auto gradient = oracle.backward(dy);
    const auto by_qkv = central_differences(
        [&](const Doubles& at) {
          AttentionOracle moved = oracle;
          moved.qkv = at;
          return loss(moved);
        },
        oracle.qkv);
    EXPECT_LT(relative_error(gradient.dqkv, by_qkv), 1e-7);
    const auto by_relative = central_differences(
        [&](const Doubles& at) {
          AttentionOracle moved = oracle;
          moved.relative = at;
          return loss(moved);
        },
        oracle.relative);
    EXPECT_LT(relative_error(gradient.drelative, by_relative), 1e-7);
  }
}

class Attention : public ::testing::TestWithParam<AttentionCase> {
 protected:
  AttentionInputs in{GetParam()};
  AttentionShape s = in.s;
};

TEST_P(Attention, ForwardAgreesWithTheOracleForAnyNumberOfThreads) {
  const auto expected = in.oracle().forward();
  Array<float, 3> first({s.B, s.T, s.N * s.D});
  for (int threads : kThreadCounts) {
    Cpu cpu{threads};
    Array<float, 3> y({s.B, s.T, s.N * s.D}, NAN), log_sum({s.B, s.N, s.T}, NAN);
    Array<float, 1> scratch({kernels::attention_scratch_size(cpu, s)}, NAN);
    kernels::attention_forward<float>(cpu, s, in.qkv.view(), in.positions(), y.view(), log_sum.view(), scratch.view());
    EXPECT_LT(relative_error(y.values(), expected.y), kFloatTolerance);
    EXPECT_LT(relative_error(log_sum.values(), expected.log_sum), kFloatTolerance);
    if (threads == 1) first = y;
    ASSERT_EQ(y.values(), first.values()) << threads << " threads";
  }
}

TEST_P(Attention, BackwardAgreesWithTheOracleForAnyNumberOfThreads) {
  const auto expected = in.oracle().backward(to_double(in.dy.values()));
  Array<float, 3> y({s.B, s.T, s.N * s.D}), log_sum({s.B, s.N, s.T});
  Array<float, 3> first({s.B, s.T, 3 * s.N * s.D}), first_relative({s.N, s.T, s.D});
  const bool relative = in.kind == Positions::relative;
  for (int threads : kThreadCounts) {
    Cpu cpu{threads};
    Array<float, 1> scratch({kernels::attention_scratch_size(cpu, s)}, NAN);
    Array<float, 3> dqkv({s.B, s.T, 3 * s.N * s.D}, NAN), drelative({s.N, s.T, s.D});
    kernels::attention_forward<float>(cpu, s, in.qkv.view(), in.positions(), y.view(), log_sum.view(), scratch.view());
    kernels::attention_backward<float>(cpu, s, in.qkv.view(), in.positions(), y.view(), log_sum.view(), in.dy.view(),
                                       dqkv.view(), Accumulate::no, relative ? drelative.view() : View<float, 3>(),
                                       scratch.view());
    EXPECT_LT(relative_error(dqkv.values(), expected.dqkv), kFloatTolerance);
    if (relative) {
      EXPECT_LT(relative_error(drelative.values(), expected.drelative), kFloatTolerance);
    }
    if (threads == 1) {
      first = dqkv;
      first_relative = drelative;
    }
    ASSERT_EQ(dqkv.values(), first.values()) << threads << " threads";
    ASSERT_EQ(drelative.values(), first_relative.values()) << threads << " threads";
  }
}

TEST_P(Attention, StepByStepAgreesWithForward) {
  Cpu cpu{1};
  const auto expected = in.oracle().forward().y;
  Array<float, 4> keys({s.B, s.N, s.T, s.D}, NAN), values({s.B, s.N, s.T, s.D}, NAN);
  Array<float, 3> y({s.B, s.T, s.N * s.D});
  Array<float, 2> now({s.B, s.N * s.D}), qkv({s.B, 3 * s.N * s.D});
  for (Index t = 0; t < s.T; ++t) {
    for (Index b = 0; b < s.B; ++b)
      std::copy_n(in.qkv.view().row(b * s.T + t), qkv.view().columns(), qkv.view().row(b));
    auto positions = in.positions();
    if (!positions.rotary.empty()) positions.rotary = positions.rotary.row_block(t, 1);
    kernels::attention_step<float>(cpu, s, qkv.view(), positions, t, keys.view(), values.view(), now.view());
    for (Index b = 0; b < s.B; ++b) std::copy_n(now.view().row(b), s.N * s.D, y.view().row(b * s.T + t));
  }
  EXPECT_LT(relative_error(y.values(), expected), kFloatTolerance);
}

// Lengths at and around the edges of tiles (6), vectors (4 to 16) and blocks (24, 48, 96, 288).
INSTANTIATE_TEST_SUITE_P(
    Shapes, Attention,
    ::testing::Values(
        AttentionCase{{1, 1, 1, 4}, Positions::none}, AttentionCase{{2, 1, 2, 8}, Positions::relative},
        AttentionCase{{3, 2, 2, 16}, Positions::rotary}, AttentionCase{{2, 2, 3, 5}, Positions::relative},
        AttentionCase{{1, 7, 1, 1}, Positions::none}, AttentionCase{{4, 17, 2, 20}, Positions::rotary},
        AttentionCase{{4, 17, 3, 20}, Positions::relative}, AttentionCase{{2, 48, 1, 16}, Positions::relative},
        AttentionCase{{1, 64, 4, 64}, Positions::none}, AttentionCase{{2, 65, 3, 8}, Positions::relative},
        AttentionCase{{2, 65, 2, 32}, Positions::rotary}, AttentionCase{{1, 97, 2, 6}, Positions::relative},
        AttentionCase{{3, 200, 4, 32}, Positions::none}, AttentionCase{{2, 200, 4, 32}, Positions::rotary},
        AttentionCase{{3, 200, 2, 32}, Positions::relative}, AttentionCase{{1, 300, 1, 16}, Positions::rotary},
        AttentionCase{{1, 590, 1, 16}, Positions::relative}, AttentionCase{{1, 30, 1, 256}, Positions::relative}),
    name_of);

TEST(AttentionViews, GradientsAreAddedWhereAskedAndStridedViewsAreTheirOwn) {
  const AttentionInputs in({{2, 9, 2, 4}, Positions::relative});
  const AttentionShape& s = in.s;
  Cpu cpu;
  auto expected = in.oracle().backward(to_double(in.dy.values()));
  for (double& value : expected.dqkv) value += 3;
  for (double& value : expected.drelative) value += 5;
  const Index columns = 3 * s.N * s.D, outputs = s.N * s.D;
  Array<float, 3> qkv({s.B, s.T, columns + 3}), dqkv({s.B, s.T, columns + 3}, 3.0f), y({s.B, s.T, outputs + 1}, 7.0f);
  Array<float, 3> log_sum({s.B, s.N, s.T}), drelative({s.N, s.T, s.D}, 5.0f);
  for (Index r = 0; r < s.B * s.T; ++r) std::copy_n(in.qkv.view().row(r), columns, qkv.view().row(r) + 3);
  Array<float, 1> scratch({kernels::attention_scratch_size(cpu, s)}, NAN);
  const auto y_view = y.view().column_block(1, outputs);
  kernels::attention_forward<float>(cpu, s, qkv.view().column_block(3, columns), in.positions(), y_view, log_sum.view(),
                                    scratch.view());
  kernels::attention_backward<float>(cpu, s, qkv.view().column_block(3, columns), in.positions(), y_view,
                                     log_sum.view(), in.dy.view(), dqkv.view().column_block(3, columns),
                                     Accumulate::yes, drelative.view(), scratch.view());
  std::vector<float> inside;
  for (Index r = 0; r < s.B * s.T; ++r) {
    inside.insert(inside.end(), dqkv.view().row(r) + 3, dqkv.view().row(r) + 3 + columns);
    EXPECT_EQ(y.view().row(r)[0], 7.0f);
    EXPECT_EQ(dqkv.view().row(r)[2], 3.0f);
  }
  EXPECT_LT(relative_error(inside, expected.dqkv), kFloatTolerance);
  EXPECT_LT(relative_error(drelative.values(), expected.drelative), kFloatTolerance);
}

TEST(Attention, LargeScoresNeitherOverflowNorLoseTheirKey) {
  AttentionInputs in({{1, 300, 1, 8}, Positions::none});
  for (float& value : in.qkv.values()) value *= 40;  // scores of thousands
  const AttentionShape& s = in.s;
  Cpu cpu;
  Array<float, 3> y({s.B, s.T, s.N * s.D}), log_sum({s.B, s.N, s.T});
  Array<float, 1> scratch({kernels::attention_scratch_size(cpu, s)}, NAN);
  kernels::attention_forward<float>(cpu, s, in.qkv.view(), in.positions(), y.view(), log_sum.view(), scratch.view());
  // One unit in the last place of a score of 10^4 is 10^-3, which the softmax turns into as much of the output.
  EXPECT_LT(relative_error(y.values(), in.oracle().forward().y), 1e-3);
}

TEST(AttentionStep, ARingThatHasWrappedAttendsToTheNewestPositions) {
  constexpr Index kLength = 700;
  for (Index capacity : {1, 5, 64, 300})
    for (Positions kind : {Positions::none, Positions::rotary, Positions::relative}) {
      const AttentionInputs in({{2, kLength, 2, 8}, kind});
      const AttentionShape& s = in.s;
      AttentionOracle oracle = in.oracle();
      oracle.window = capacity;
      const auto expected = oracle.forward().y;
      Array<float, 4> keys({s.B, s.N, capacity, s.D}, NAN), values({s.B, s.N, capacity, s.D}, NAN);
      Array<float, 3> y({s.B, s.T, s.N * s.D}), shared({s.N, capacity, s.D});
      for (Index n = 0; n < s.N; ++n)  // no more distances than the ring holds
        std::copy_n(in.relative.view().row(n * s.T), capacity * s.D, shared.view().row(n * capacity));
      for (int threads : {1, 8}) {
        Cpu cpu{threads};
        for (Index t = 0; t < kLength; ++t) {
          AttentionPositions<float> positions;
          if (kind == Positions::rotary) positions.rotary = in.rotary.view().row_block(t, 1);
          if (kind == Positions::relative) positions.relative = shared.view();
          View<const float, 2> qkv(in.qkv.view().row(t), {s.B, 3 * s.N * s.D}, s.T * 3 * s.N * s.D);
          View<float, 2> now(y.view().row(t), {s.B, s.N * s.D}, s.T * s.N * s.D);
          kernels::attention_step<float>(cpu, s, qkv, positions, t, keys.view(), values.view(), now);
        }
        EXPECT_LT(relative_error(y.values(), expected), kFloatTolerance) << capacity;
      }
    }
}

TEST(Attention, WrongShapesAreRefused) {
  Cpu cpu;
  const AttentionShape s{1, 4, 1, 4};
  Array<float, 3> qkv({1, 4, 12}), y({1, 4, 4}), log_sum({1, 1, 4}), relative({1, 3, 4});
  Array<float, 2> rotary({4, 4});
  Array<float, 1> scratch({kernels::attention_scratch_size(cpu, s)});
  const auto forward = [&](const AttentionPositions<float>& positions, View<float, 1> memory) {
    kernels::attention_forward<float>(cpu, s, qkv.view(), positions, y.view(), log_sum.view(), memory);
  };
  EXPECT_NO_THROW(forward({}, scratch.view()));
  EXPECT_THROW(forward({{}, relative.view()}, scratch.view()), ContractError);
  EXPECT_THROW(forward({}, View<float, 1>(scratch.view().data(), {16})), ContractError);
  Array<float, 3> long_enough({1, 4, 4});
  EXPECT_THROW(forward({rotary.view(), long_enough.view()}, scratch.view()), ContractError);
}

}  // namespace
}  // namespace polonaise::testing
