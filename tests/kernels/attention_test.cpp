#include "kernels/attention/attention.h"

#include "kernels/base/require.h"
#include "kernels/position/position.h"
#include "tests/kernels/devices.h"

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

std::string name_of(const AttentionCase& c) {
  const auto& [s, positions] = c;
  const char* kind = positions == Positions::none ? "plain" : positions == Positions::rotary ? "rotary" : "relative";
  return "T" + std::to_string(s.T) + "D" + std::to_string(s.D) + "N" + std::to_string(s.N) + "B" + std::to_string(s.B) +
         kind;
}

// Inputs of one case. Scores spread over several units, so that the softmax is neither flat nor a single key.
template <class T>
struct AttentionInputs {
  AttentionShape s;
  Array<T, 3> qkv, dy;
  Array<float, 2> rotary;
  Array<T, 3> relative;
  Positions kind;

  explicit AttentionInputs(const AttentionCase& c)
      : s(c.shape),
        qkv(random_array<T, 3>({s.B, s.T, 3 * s.N * s.D}, 1, 2.0f)),
        dy(random_array<T, 3>({s.B, s.T, s.N * s.D}, 2)),
        rotary({s.T, s.D}),
        relative(random_array<T, 3>({s.N, s.T, s.D}, 3)),
        kind(c.positions) {
    Cpu cpu;
    if (kind == Positions::rotary) kernels::rotary_angles<float>(cpu, 0, rotary.view());
  }
  AttentionOracle oracle() const {
    return {s, to_double(qkv.values()), kind == Positions::rotary ? to_double(rotary.values()) : Doubles(),
            kind == Positions::relative ? to_double(relative.values()) : Doubles()};
  }
};

TEST(AttentionOracle, ItsGradientIsItsCentralDifference) {
  for (Positions kind : {Positions::none, Positions::rotary, Positions::relative}) {
    const AttentionInputs<float> inputs({{2, 5, 2, 4}, kind});
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

// The inputs where a device's kernels reach them.
template <class T, class Device>
struct PlacedInputs {
  using Tensor3 = decltype(place(std::declval<Device&>(), std::declval<Array<T, 3>>()));
  using Table = decltype(place(std::declval<Device&>(), std::declval<Array<float, 2>>()));
  Tensor3 qkv, dy, relative;
  Table rotary;
  Positions kind;

  PlacedInputs(Device& device, const AttentionInputs<T>& in)
      : qkv(place(device, in.qkv)),
        dy(place(device, in.dy)),
        relative(place(device, in.relative)),
        rotary(place(device, in.rotary)),
        kind(in.kind) {}
  AttentionPositions<T> positions() const {
    return {kind == Positions::rotary ? rotary.view() : View<const float, 2>(),
            kind == Positions::relative ? relative.view() : View<const T, 3>()};
  }
};

template <class Target>
class Attention : public DeviceTest<Target> {
 protected:
  using Number = typename Target::Number;
  using Device = typename Target::Device;

  PlacedInputs<Number, Device> placed(const AttentionInputs<Number>& in) { return {this->device(), in}; }
  auto scratch(Device& device, const AttentionShape& s) {
    return this->place(Array<float, 1>({kernels::attention_scratch_size(device, s)}, NAN));
  }

  // Lengths at and around the edges of tiles (6, 8, 16, 32, 64), vectors (4 to 16) and blocks (24, 48, 96, 288); head
  // dimensions at and between those that cards have kernels for (32, 64, 128, 256); more rows than
  // the slices that the gradient of relative is summed in (16).
  static std::vector<AttentionCase> shapes() {
    using enum Positions;
    auto all = cases<AttentionCase>(
        {{{1, 1, 1, 4}, none},        {{2, 1, 2, 8}, relative},   {{3, 2, 2, 16}, rotary},
         {{2, 2, 3, 5}, relative},    {{1, 7, 1, 1}, none},       {{4, 17, 2, 20}, rotary},
         {{4, 17, 3, 20}, relative},  {{2, 48, 1, 16}, relative}, {{1, 64, 4, 64}, none},
         {{2, 65, 3, 8}, relative},   {{2, 65, 2, 32}, rotary},   {{1, 97, 2, 6}, relative},
         {{3, 200, 2, 32}, none},     {{2, 200, 2, 32}, rotary},  {{3, 200, 1, 32}, relative},
         {{1, 30, 1, 256}, relative}, {{1, 70, 1, 36}, relative}, {{1, 130, 1, 96}, rotary},
         {{1, 97, 1, 128}, relative}, {{1, 33, 1, 130}, none},    {{18, 2, 1, 4}, relative}},
        {{{1, 66, 1, 8}, relative}, {{1, 34, 1, 16}, rotary}, {{2, 3, 1, 34}, rotary}, {{1, 17, 1, 130}, none}});
    if (std::is_same_v<Device, Cpu>)  // emulated cards are slow, and their tiles shorter
      all.insert(all.end(), {{{1, 300, 1, 16}, rotary}, {{1, 590, 1, 16}, relative}});
    return all;
  }

  void expect_agreement(const AttentionCase& c) {
    using T = Number;
    SCOPED_TRACE(name_of(c));
    const AttentionShape& s = c.shape;
    const AttentionInputs<T> host(c);
    const auto expected = host.oracle().forward();
    const auto gradient = host.oracle().backward(to_double(host.dy.values()));
    const auto in = this->placed(host);
    const bool relative = c.positions == Positions::relative;
    std::vector<std::vector<T>> first;
    std::vector<float> first_relative;
    for (auto& twin : this->twins()) {
      auto scratch = this->scratch(twin, s);
      auto y = this->place(Array<T, 3>({s.B, s.T, s.N * s.D}, T(NAN)));
      auto log_sum = this->place(Array<float, 3>({s.B, s.N, s.T}, NAN));
      auto dqkv = this->place(Array<T, 3>({s.B, s.T, 3 * s.N * s.D}, T(NAN)));
      auto drelative = this->place(Array<float, 3>({s.N, s.T, s.D}));
      kernels::attention_forward<T>(twin, {.shape = s,
                                           .qkv = in.qkv.view(),
                                           .positions = in.positions(),
                                           .y = y.view(),
                                           .log_sum = log_sum.view(),
                                           .scratch = scratch.view()});
      kernels::attention_backward<T>(twin, {.shape = s,
                                            .qkv = in.qkv.view(),
                                            .positions = in.positions(),
                                            .y = y.view(),
                                            .log_sum = log_sum.view(),
                                            .dy = in.dy.view(),
                                            .dqkv = dqkv.view(),
                                            .drelative = relative ? drelative.view() : View<float, 3>(),
                                            .scratch = scratch.view()});
      const std::vector<std::vector<T>> results = {fetch(y).values(), fetch(dqkv).values()};
      const std::vector<float> of_relative = fetch(drelative).values();
      EXPECT_LT(relative_error(results[0], expected.y), kTolerance<T>);
      EXPECT_LT(relative_error(fetch(log_sum).values(), expected.log_sum), kTolerance<T>);
      EXPECT_LT(relative_error(results[1], gradient.dqkv), kTolerance<T>);
      if (relative) {
        EXPECT_LT(relative_error(of_relative, gradient.drelative), kTolerance<T>);
      }
      if (first.empty()) {
        first = results;
        first_relative = of_relative;
      }
      for (std::size_t i = 0; i < results.size(); ++i) ASSERT_TRUE(same_bits(results[i], first[i])) << i;
      ASSERT_TRUE(same_bits(of_relative, first_relative));
    }
  }
};
TYPED_TEST_SUITE(Attention, AllTargets, TargetNames);

TYPED_TEST(Attention, ForwardAndBackwardAgreeWithTheOracleAndRepeat) {
  for (const AttentionCase& c : this->shapes()) this->expect_agreement(c);
}

#if defined(POLONAISE_HAS_CUDA) && !defined(POLONAISE_CUDA_EMULATED)
template <class Target>
class AttentionAtTheSizesOfModels : public Attention<Target> {};
TYPED_TEST_SUITE(AttentionAtTheSizesOfModels, CardTargets, TargetNames);

TYPED_TEST(AttentionAtTheSizesOfModels, ForwardAndBackwardAgreeWithTheOracleAndRepeat) {
  using enum Positions;
  for (const AttentionCase& c : {AttentionCase{{2, 1024, 2, 64}, rotary}, AttentionCase{{1, 1024, 2, 64}, relative},
                                 AttentionCase{{1, 2048, 1, 64}, none}, AttentionCase{{1, 2048, 1, 64}, relative}})
    this->expect_agreement(c);
}
#endif

// The queries, keys and values of one position, [B,3*N*D].
template <class T>
View<const T, 2> of_position(View<const T, 3> qkv, Index t) {
  return {qkv.row(t), {qkv.extent(0), qkv.columns()}, qkv.extent(1) * qkv.stride()};
}

TYPED_TEST(Attention, StepByStepAgreesWithForward) {
  using T = typename TestFixture::Number;
  for (const AttentionCase& c : this->shapes()) {
    SCOPED_TRACE(name_of(c));
    const AttentionShape& s = c.shape;
    if (s.T > 70) continue;  // what longer ones would show, a ring does
    const AttentionInputs<T> host(c);
    const auto expected = host.oracle().forward().y;
    const auto in = this->placed(host);
    auto keys = this->place(Array<T, 4>({s.B, s.N, s.T, s.D}, T(NAN)));
    auto values = this->place(Array<T, 4>({s.B, s.N, s.T, s.D}, T(NAN)));
    auto y = this->place(Array<T, 3>({s.B, s.T, s.N * s.D}));
    for (Index t = 0; t < s.T; ++t) {
      auto positions = in.positions();
      if (!positions.rotary.empty()) positions.rotary = positions.rotary.row_block(t, 1);
      const View<T, 2> now(y.view().row(t), {s.B, s.N * s.D}, s.T * s.N * s.D);
      kernels::attention_step<T>(this->device(), {.qkv = of_position<T>(in.qkv.view(), t),
                                                  .positions = positions,
                                                  .position = t,
                                                  .keys = keys.view(),
                                                  .values = values.view(),
                                                  .y = now});
    }
    EXPECT_LT(relative_error(fetch(y).values(), expected), kTolerance<T>);
  }
}

TYPED_TEST(Attention, GradientsAreAddedWhereAskedAndStridedViewsAreTheirOwn) {
  using T = typename TestFixture::Number;
  const AttentionInputs<T> host({{2, 9, 2, 4}, Positions::relative});
  const AttentionShape& s = host.s;
  auto expected = host.oracle().backward(to_double(host.dy.values()));
  for (double& value : expected.dqkv) value += 3;
  const Index columns = 3 * s.N * s.D, outputs = s.N * s.D;
  Array<T, 3> host_qkv({s.B, s.T, columns + 3});
  for (Index r = 0; r < s.B * s.T; ++r) std::copy_n(host.qkv.view().row(r), columns, host_qkv.view().row(r) + 3);
  const auto in = this->placed(host);
  auto qkv = this->place(host_qkv), dqkv = this->place(Array<T, 3>({s.B, s.T, columns + 3}, T(3.0f)));
  auto y = this->place(Array<T, 3>({s.B, s.T, outputs + 1}, T(7.0f)));
  auto drelative = this->place(Array<float, 3>({s.N, s.T, s.D}, 5.0f));
  auto log_sum = this->place(Array<float, 3>({s.B, s.N, s.T}));
  auto scratch = this->scratch(this->device(), s);
  const auto y_view = y.view().column_block(1, outputs), qkv_view = qkv.view().column_block(3, columns);
  kernels::attention_forward<T>(this->device(), {.shape = s,
                                                 .qkv = qkv_view,
                                                 .positions = in.positions(),
                                                 .y = y_view,
                                                 .log_sum = log_sum.view(),
                                                 .scratch = scratch.view()});
  kernels::attention_backward<T>(this->device(), {.shape = s,
                                                  .qkv = qkv_view,
                                                  .positions = in.positions(),
                                                  .y = y_view,
                                                  .log_sum = log_sum.view(),
                                                  .dy = in.dy.view(),
                                                  .dqkv = dqkv.view().column_block(3, columns),
                                                  .accumulate = Accumulate::yes,
                                                  .drelative = drelative.view(),
                                                  .scratch = scratch.view()});
  const auto y_found = fetch(y), dqkv_found = fetch(dqkv);
  std::vector<T> inside;
  for (Index r = 0; r < s.B * s.T; ++r) {
    inside.insert(inside.end(), dqkv_found.view().row(r) + 3, dqkv_found.view().row(r) + 3 + columns);
    EXPECT_EQ(to_double(y_found.view().row(r)[0]), 7.0);
    EXPECT_EQ(to_double(dqkv_found.view().row(r)[2]), 3.0);
  }
  EXPECT_LT(relative_error(inside, expected.dqkv), kTolerance<T>);
  // What was added to 5 is float: bf16 would have lost it.
  std::vector<float> added = fetch(drelative).values();
  for (float& value : added) value -= 5;
  EXPECT_LT(relative_error(added, expected.drelative), kTolerance<T>);
}

TYPED_TEST(Attention, LargeScoresNeitherOverflowNorLoseTheirKey) {
  using T = typename TestFixture::Number;
  AttentionInputs<T> host({cases<AttentionShape>({{1, 300, 1, 8}}, {{1, 40, 1, 8}})[0], Positions::none});
  for (T& value : host.qkv.values()) value = T(static_cast<float>(value) * 40);  // scores of thousands
  const AttentionShape& s = host.s;
  const auto in = this->placed(host);
  auto y = this->place(Array<T, 3>({s.B, s.T, s.N * s.D}));
  auto log_sum = this->place(Array<float, 3>({s.B, s.N, s.T}));
  auto scratch = this->scratch(this->device(), s);
  kernels::attention_forward<T>(
      this->device(),
      {.shape = s, .qkv = in.qkv.view(), .y = y.view(), .log_sum = log_sum.view(), .scratch = scratch.view()});
  // One unit in the last place of a score of 10^4 is 10^-3, which the softmax turns into as much of the output.
  EXPECT_LT(relative_error(fetch(y).values(), host.oracle().forward().y), std::max(1e-3, kTolerance<T>));
}

TYPED_TEST(Attention, ARingThatHasWrappedAttendsToTheNewestPositions) {
  using T = typename TestFixture::Number;
  // The largest is more than a CPU (256) or a block of a card (128) scores at once.
  constexpr Index kLargest = std::is_same_v<typename TestFixture::Device, Cpu> ? 300 : 140;
  for (Index capacity : cases<Index>({1, 5, kLargest}, {2}))
    for (Positions kind : {Positions::none, Positions::rotary, Positions::relative}) {
      const Index length = capacity + 3;
      const AttentionInputs<T> host({{2, length, 1, 8}, kind});
      const AttentionShape& s = host.s;
      AttentionOracle oracle = host.oracle();
      oracle.window = capacity;
      const auto expected = oracle.forward().y;
      Array<T, 3> distances({s.N, capacity, s.D});  // no more than the ring holds
      for (Index n = 0; n < s.N; ++n)
        std::copy_n(host.relative.view().row(n * s.T), capacity * s.D, distances.view().row(n * capacity));
      const auto in = this->placed(host);
      const auto relative = this->place(distances);
      auto keys = this->place(Array<T, 4>({s.B, s.N, capacity, s.D}, T(NAN)));
      auto values = this->place(Array<T, 4>({s.B, s.N, capacity, s.D}, T(NAN)));
      auto y = this->place(Array<T, 3>({s.B, s.T, s.N * s.D}));
      Array<std::int32_t, 1> numbers({length});
      for (Index t = 0; t < length; ++t) numbers[t] = static_cast<std::int32_t>(t);
      const auto in_memory = this->place(numbers);
      std::vector<T> first;
      for (auto& twin : this->twins()) {
        for (Index t = 0; t < length; ++t) {
          const kernels::Position position =
              first.empty() ? kernels::Position(t) : kernels::Position::found_at(in_memory.view().data() + t);
          AttentionPositions<T> positions;
          if (kind == Positions::rotary) positions.rotary = in.rotary.view().row_block(t, 1);
          if (kind == Positions::relative) positions.relative = relative.view();
          const View<T, 2> now(y.view().row(t), {s.B, s.N * s.D}, s.T * s.N * s.D);
          kernels::attention_step<T>(twin, {.qkv = of_position<T>(in.qkv.view(), t),
                                            .positions = positions,
                                            .position = position,
                                            .keys = keys.view(),
                                            .values = values.view(),
                                            .y = now});
        }
        const auto found = fetch(y).values();
        EXPECT_LT(relative_error(found, expected), kTolerance<T>) << capacity;
        if (first.empty()) first = found;
        EXPECT_TRUE(same_bits(found, first)) << capacity;
      }
    }
}

TYPED_TEST(Attention, WrongShapesAreRefusedAndAnEmptyBatchIsNoWork) {
  using T = typename TestFixture::Number;
  const AttentionShape s{1, 4, 1, 4};
  auto qkv = this->place(Array<T, 3>({1, 4, 12})), y = this->place(Array<T, 3>({1, 4, 4}));
  auto short_relative = this->place(Array<T, 3>({1, 3, 4})), relative = this->place(Array<T, 3>({1, 4, 4}));
  auto rotary = this->place(Array<float, 2>({4, 4}));
  auto drelative = this->place(Array<float, 3>({1, 4, 4})), log_sum = this->place(Array<float, 3>({1, 1, 4}));
  auto scratch = this->scratch(this->device(), s);
  const auto forward = [&](const AttentionPositions<T>& positions, View<float, 1> memory) {
    kernels::attention_forward<T>(this->device(), {.shape = s,
                                                   .qkv = qkv.view(),
                                                   .positions = positions,
                                                   .y = y.view(),
                                                   .log_sum = log_sum.view(),
                                                   .scratch = memory});
  };
  EXPECT_NO_THROW(forward({}, scratch.view()));
  EXPECT_THROW(forward({{}, short_relative.view()}, scratch.view()), ContractError);
  EXPECT_THROW(forward({}, View<float, 1>(scratch.view().data(), {3})), ContractError);
  EXPECT_THROW(forward({rotary.view(), relative.view()}, scratch.view()), ContractError);

  const View<T, 3> no_rows(y.view().data(), {0, 4, 4}), no_inputs(qkv.view().data(), {0, 4, 12});
  const View<float, 3> no_sums(log_sum.view().data(), {0, 1, 4});
  const AttentionShape none{0, 4, 1, 4};
  const AttentionPositions<T> positions{{}, relative.view()};
  kernels::attention_forward<T>(this->device(), {.shape = none,
                                                 .qkv = no_inputs,
                                                 .positions = positions,
                                                 .y = no_rows,
                                                 .log_sum = no_sums,
                                                 .scratch = scratch.view()});
  kernels::attention_backward<T>(this->device(), {.shape = none,
                                                  .qkv = no_inputs,
                                                  .positions = positions,
                                                  .y = no_rows,
                                                  .log_sum = no_sums,
                                                  .dy = no_rows,
                                                  .dqkv = no_inputs,
                                                  .drelative = drelative.view(),
                                                  .scratch = scratch.view()});
  EXPECT_EQ(to_double(fetch(drelative).values()), Doubles(16));
}

}  // namespace
}  // namespace polonaise::testing
