#pragma once

// The tests that rnn, lstm and gru share, over a Family: its oracle and its six kernels.

#include "tests/kernels/recurrent_oracle.h"

namespace polonaise::testing {

// One problem: float tensors for the kernel and the same numbers in double for the oracle.
template <class Family>
struct StackProblem {
  static constexpr Index G = Family::kGates;
  StackCase c;
  kernels::RecurrentShape shape{c.T, c.B, c.H, c.layers, c.directions};
  StackTensors<float> p;
  std::vector<std::int32_t> lengths;
  Array<float, 3> h0{{c.layers, c.B, c.H}}, c0{{c.layers, c.B, c.H}};
  Array<float, 3> weight_y{{c.T, c.B, c.directions*c.H}}, weight_hn{{c.layers * c.directions, c.B, c.H}};
  kernels::RecurrentDropout dropout{c.dropout, {.seed = 7, .step = 3, .op = 5}, 2};

  explicit StackProblem(const StackCase& problem) : c(problem) {
    const float scale = 1.0f / std::sqrt(static_cast<float>(c.H));
    std::uint64_t seed = 1;
    const auto values = [&](Index n, float s) { return random_array<1>({n}, ++seed, s).values(); };
    p.input = values(c.T * c.B * c.directions * G * c.H, 1.0f);
    for (Index i = 0; i < c.layers * c.directions; ++i)
      p.layers.push_back({values(i < c.directions ? 0 : G * c.H * c.directions * c.H, scale),
                          values(G * c.H * c.H, scale), values(G * c.H, scale), values(G * c.H, scale)});
    lengths.assign(static_cast<std::size_t>(c.B), static_cast<std::int32_t>(c.T));
    if (c.lengths)
      for (std::size_t b = 0; b < lengths.size(); ++b)
        lengths[b] = static_cast<std::int32_t>((b * 5 + 3) % static_cast<std::size_t>(c.T + 1));
    if (c.initial) {
      h0 = random_array<3>({c.layers, c.B, c.H}, 101);
      c0 = random_array<3>({c.layers, c.B, c.H}, 102);
    }
    weight_y = random_array<3>({c.T, c.B, c.directions * c.H}, 103);
    weight_hn = random_array<3>({c.layers * c.directions, c.B, c.H}, 104);
    if (c.lengths)  // silent steps get no gradient: their weights must not matter
      for (Index t = 0; t < c.T; ++t)
        for (Index b = 0; b < c.B; ++b)
          if (t >= lengths[static_cast<std::size_t>(b)])
            std::fill_n(&weight_y[(t * c.B + b) * c.directions * c.H], c.directions * c.H, 50.0f);
  }

  StackTensors<double> parameters() const {
    StackTensors<double> d{to_double(p.input), {}};
    for (const auto& l : p.layers)
      d.layers.push_back({to_double(l.weight_ih), to_double(l.weight_hh), to_double(l.bias_ih), to_double(l.bias_hh)});
    return d;
  }

  StackOracle oracle() const {
    StackOracle o;
    o.cell = Family::oracle();
    o.shape = c;
    o.lengths.assign(lengths.begin(), lengths.end());
    o.weight_y = to_double(weight_y.values());
    o.weight_hn = to_double(weight_hn.values());
    if (c.initial) {
      o.h0 = to_double(h0.values());
      o.c0 = to_double(c0.values());
    }
    if (c.dropout > 0)
      o.keep = [d = dropout, width = c.directions * c.H](Index layer, Index t, Index b, Index k) {
        kernels::RandomStream stream = d.stream;
        stream.op += static_cast<std::uint32_t>(layer);
        const float u = kernels::uniform(stream, static_cast<std::uint32_t>(d.first_row + b),
                                         static_cast<std::uint32_t>(t * width + k));
        return u >= d.p ? 1.0 / (1.0 - static_cast<double>(d.p)) : 0.0;
      };
    return o;
  }

  // What the kernel makes of it.
  struct Result {
    std::vector<float> y, hn, cn;
    StackTensors<float> gradient;
    bool operator==(const Result& o) const {
      if (y != o.y || hn != o.hn || cn != o.cn || gradient.input != o.gradient.input) return false;
      for (std::size_t i = 0; i < gradient.layers.size(); ++i) {
        const auto &a = gradient.layers[i], &b = o.gradient.layers[i];
        if (a.weight_ih != b.weight_ih || a.weight_hh != b.weight_hh || a.bias_ih != b.bias_ih ||
            a.bias_hh != b.bias_hh)
          return false;
      }
      return true;
    }
  };

  template <class T, class Tensors>
  std::vector<kernels::RecurrentLayer<T>> views(Tensors& tensors) const {
    std::vector<kernels::RecurrentLayer<T>> result;
    for (auto& l : tensors.layers) {
      kernels::RecurrentLayer<T> v{
          {}, {l.weight_hh.data(), {G * c.H, c.H}}, {l.bias_ih.data(), {G * c.H}}, {l.bias_hh.data(), {G * c.H}}};
      if (!l.weight_ih.empty()) v.weight_ih = {l.weight_ih.data(), {G * c.H, c.directions * c.H}};
      result.push_back(v);
    }
    return result;
  }

  Result run(int threads) const {
    Cpu cpu{threads};
    const auto weights = views<const float>(p);
    Array<float, 1> packed({Family::packed_size(cpu, shape)});
    Family::pack(cpu, shape, weights, packed.view());
    const std::array<Index, 3> states{c.layers * c.directions, c.B, c.H};
    Array<float, 3> y({c.T, c.B, c.directions * c.H}, NAN), hn(states, NAN), cn(states);
    Array<float, 1> saved({Family::saved_size(cpu, shape, c.dropout)}, NAN);
    const View<const float, 3> input(p.input.data(), {c.T, c.B, c.directions * G * c.H});
    const View<const std::int32_t, 1> length_view =
        c.lengths ? View<const std::int32_t, 1>(lengths.data(), {c.B}) : View<const std::int32_t, 1>();
    const auto initial = [&](const Array<float, 3>& state) {
      return c.initial ? state.view() : View<const float, 3>();
    };
    Family::forward(cpu, shape,
                    {.input = input,
                     .weights = weights,
                     .packed = packed.view(),
                     .lengths = length_view,
                     .h0 = initial(h0),
                     .c0 = initial(c0),
                     .y = y.view(),
                     .hn = hn.view(),
                     .cn = cn.view(),
                     .saved = saved.view(),
                     .dropout = dropout});
    Result result{y.values(), hn.values(), cn.values(), {}};
    result.gradient.input.assign(p.input.size(), c.accumulate ? 1.0f : NAN);
    for (const auto& l : p.layers)
      result.gradient.layers.push_back(
          {std::vector<float>(l.weight_ih.size(), 1.0f), std::vector<float>(l.weight_hh.size(), 1.0f),
           std::vector<float>(l.bias_ih.size(), 1.0f), std::vector<float>(l.bias_hh.size(), 1.0f)});
    const auto gradients = views<float>(result.gradient);
    Array<float, 1> scratch({Family::scratch_size(cpu, shape)}, NAN);
    Family::backward(cpu, shape,
                     {.weights = weights,
                      .packed = packed.view(),
                      .lengths = length_view,
                      .h0 = initial(h0),
                      .c0 = initial(c0),
                      .y = y.view(),
                      .saved = saved.view(),
                      .dy = weight_y.view(),
                      .dhn = weight_hn.view(),
                      .dinput = {result.gradient.input.data(), {c.T, c.B, c.directions * G * c.H}},
                      .dinput_accumulate = c.accumulate ? Accumulate::yes : Accumulate::no,
                      .gradients = gradients,
                      .scratch = scratch.view(),
                      .dropout = dropout});
    return result;
  }
};

inline std::vector<double> plus_one(std::vector<double> values) {
  for (double& v : values) v += 1;
  return values;
}

template <class Family>
class RecurrentStackTest : public ::testing::Test {};
TYPED_TEST_SUITE_P(RecurrentStackTest);

inline const StackCase kStackCases[] = {
    {1, 1, 1, 1, 1},
    {5, 3, 4, 1, 1},
    {6, 9, 8, 2, 1},
    {7, 2, 13, 2, 2},
    {4, 17, 20, 3, 1, false, true},
    {9, 5, 33, 2, 2, true},
    {8, 11, 16, 2, 1, true, true, 0.3f, true},
    {5, 8, 64, 2, 2, false, false, 0.5f},
    {16, 8, 64, 2, 1},
    {16, 8, 64, 2, 1, true},
    {64, 8, 64, 2, 1},
};

TYPED_TEST_P(RecurrentStackTest, OracleGradientAgreesWithCentralDifferences) {
  for (const StackCase& c : {StackCase{3, 2, 2, 2, 2, true}, StackCase{4, 2, 3, 2, 1, false, true}}) {
    const StackProblem<TypeParam> problem(c);
    StackOracle oracle = problem.oracle();
    StackTensors<double> p = problem.parameters();
    oracle.run(p);
    const StackTensors<double> gradient = oracle.gradient;
    const auto check = [&](std::vector<double>& part, const std::vector<double>& expected) {
      const std::vector<double> original = part;
      const auto numeric = central_differences(
          [&](const std::vector<double>& x) {
            part = x;
            return oracle.run(p);
          },
          original);
      part = original;
      EXPECT_LT(relative_error(expected, numeric), 1e-8);
    };
    check(p.input, gradient.input);
    for (std::size_t i = 0; i < p.layers.size(); ++i) {
      if (!p.layers[i].weight_ih.empty()) check(p.layers[i].weight_ih, gradient.layers[i].weight_ih);
      check(p.layers[i].weight_hh, gradient.layers[i].weight_hh);
      check(p.layers[i].bias_ih, gradient.layers[i].bias_ih);
      check(p.layers[i].bias_hh, gradient.layers[i].bias_hh);
    }
  }
}

TYPED_TEST_P(RecurrentStackTest, ForwardAndGradientsFollowTheDoubleOracle) {
  for (const StackCase& c : kStackCases) {
    SCOPED_TRACE(::testing::Message() << "T " << c.T << " B " << c.B << " H " << c.H << " layers " << c.layers
                                      << " directions " << c.directions);
    const StackProblem<TypeParam> problem(c);
    StackOracle oracle = problem.oracle();
    oracle.run(problem.parameters());
    const auto result = problem.run(1);
    EXPECT_LT(relative_error(result.y, oracle.y), kFloatTolerance);
    EXPECT_LT(relative_error(result.hn, oracle.hn), kFloatTolerance);
    if (TypeParam::kHasC) {
      EXPECT_LT(relative_error(result.cn, oracle.cn), kFloatTolerance);
    }
    EXPECT_LT(
        relative_error(result.gradient.input, c.accumulate ? plus_one(oracle.gradient.input) : oracle.gradient.input),
        kFloatTolerance);
    for (std::size_t i = 0; i < result.gradient.layers.size(); ++i) {
      const auto& actual = result.gradient.layers[i];
      const auto& expected = oracle.gradient.layers[i];
      EXPECT_LT(relative_error(actual.weight_ih, plus_one(expected.weight_ih)), kFloatTolerance);
      EXPECT_LT(relative_error(actual.weight_hh, plus_one(expected.weight_hh)), kFloatTolerance);
      EXPECT_LT(relative_error(actual.bias_ih, plus_one(expected.bias_ih)), kFloatTolerance);
      EXPECT_LT(relative_error(actual.bias_hh, plus_one(expected.bias_hh)), kFloatTolerance);
    }
  }
}

TYPED_TEST_P(RecurrentStackTest, BitsDoNotDependOnTheNumberOfThreads) {
  for (const StackCase& c : kStackCases) {
    const StackProblem<TypeParam> problem(c);
    const auto first = problem.run(1);
    for (int threads : kThreadCounts) {
      EXPECT_TRUE(problem.run(threads) == first) << threads << " threads, H " << c.H;
    }
  }
}

TYPED_TEST_P(RecurrentStackTest, StepsFollowTheSequence) {
  for (const StackCase& c : {StackCase{5, 3, 13, 2, 1}, StackCase{6, 1, 64, 3, 1}}) {
    const StackProblem<TypeParam> problem(c);
    const auto sequence = problem.run(1);
    Cpu cpu;
    const auto weights = problem.template views<const float>(problem.p);
    Array<float, 1> packed({TypeParam::packed_size(cpu, problem.shape)});
    TypeParam::pack(cpu, problem.shape, weights, packed.view());
    Array<float, 3> h({c.layers, c.B, c.H}), cell({c.layers, c.B, c.H});
    const Index width = TypeParam::kGates * c.H;
    for (Index t = 0; t < c.T; ++t) {
      const View<const float, 2> input(problem.p.input.data() + t * c.B * width, {c.B, width});
      TypeParam::step(cpu, problem.shape,
                      {.input = input, .weights = weights, .packed = packed.view(), .h = h.view(), .c = cell.view()});
      const std::vector<float> top(h.values().end() - c.B * c.H, h.values().end());
      const std::vector<double> expected(sequence.y.begin() + t * c.B * c.H, sequence.y.begin() + (t + 1) * c.B * c.H);
      EXPECT_LT(relative_error(top, expected), 1e-6) << "step " << t;
    }
  }
}

TYPED_TEST_P(RecurrentStackTest, ContractsAreChecked) {
  Cpu cpu;
  const kernels::RecurrentShape three_directions{2, 2, 2, 1, 3};
  EXPECT_THROW(TypeParam::packed_size(cpu, three_directions), ContractError);
  StackCase c{2, 2, 3, 1, 2};
  c.initial = true;  // an initial state with two directions
  EXPECT_THROW(StackProblem<TypeParam>(c).run(1), ContractError);
}

REGISTER_TYPED_TEST_SUITE_P(RecurrentStackTest, OracleGradientAgreesWithCentralDifferences,
                            ForwardAndGradientsFollowTheDoubleOracle, BitsDoNotDependOnTheNumberOfThreads,
                            StepsFollowTheSequence, ContractsAreChecked);

}  // namespace polonaise::testing
