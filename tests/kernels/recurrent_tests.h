#pragma once

// The tests that all cells share, over a Family: its cell and its oracle.

#include <algorithm>

#include "kernels/base/require.h"
#include "tests/kernels/devices.h"
#include "tests/kernels/recurrent_oracle.h"

namespace polonaise::testing {

using kernels::RecurrentLayer;
using kernels::RecurrentShape;

// What a Family derives from whose states beside h may start at any numbers.
struct AnyInitialState {
  template <class T>
  static Array<T, 3> initial_c(Array<T, 3> numbers) {
    return numbers;
  }
};

// A family on a target, as the tests are instantiated.
template <class TheFamily, class TheTarget>
struct On {
  using Family = TheFamily;
  using Target = TheTarget;
};
#ifdef POLONAISE_HAS_CUDA
template <class Family>
using OnAllTargets = ::testing::Types<On<Family, OnCpu>, On<Family, OnCuda>, On<Family, OnCudaInBf16>>;
#else
template <class Family>
using OnAllTargets = ::testing::Types<On<Family, OnCpu>>;
#endif

struct OnTargetNames {
  template <class Case>
  static std::string GetName(int /*number*/) {
    return Case::Target::kName;
  }
};

// One problem: tensors for the kernels and the same numbers in double for the oracle.
template <class Family, class T>
struct StackProblem {
  static constexpr Index G = kernels::shape_of(Family::kCell).gates, S = kernels::shape_of(Family::kCell).states;
  StackCase c;
  RecurrentShape shape{c.T, c.B, c.H, c.layers, c.directions, Family::kCell};
  StackTensors<T> p;
  Array<std::int32_t, 1> lengths{{c.B}, static_cast<std::int32_t>(c.T)};
  Array<T, 3> h0{{c.layers, c.B, c.H}}, c0{{c.layers, c.B, S*c.H}};
  Array<T, 3> weight_y{{c.T, c.B, c.directions*c.H}}, weight_hn{{c.layers * c.directions, c.B, c.H}};
  kernels::RecurrentDropout dropout{c.dropout, {.seed = 7, .step = 3, .op = 5}, 2};

  explicit StackProblem(const StackCase& problem) : c(problem) {
    const float scale = 1.0f / std::sqrt(static_cast<float>(c.H));
    std::uint64_t seed = 1;
    const auto values = [&](Index n, float s) { return random_array<T, 1>({n}, ++seed, s).values(); };
    p.input = values(c.T * c.B * c.directions * G * c.H, 1.0f);
    for (Index i = 0; i < c.layers * c.directions; ++i)
      p.layers.push_back({values(i < c.directions ? 0 : G * c.H * c.directions * c.H, scale),
                          values(G * c.H * c.H, scale), values(G * c.H, scale), values(G * c.H, scale)});
    if (c.lengths)
      for (Index b = 0; b < c.B; ++b) lengths[b] = static_cast<std::int32_t>((b * 5 + 3) % (c.T + 1));
    if (c.initial) {
      h0 = random_array<T, 3>({c.layers, c.B, c.H}, 101);
      c0 = Family::initial_c(random_array<T, 3>({c.layers, c.B, S * c.H}, 102));
    }
    weight_y = random_array<T, 3>({c.T, c.B, c.directions * c.H}, 103);
    weight_hn = random_array<T, 3>({c.layers * c.directions, c.B, c.H}, 104);
    if (c.lengths)  // silent steps get no gradient: their weights must not matter
      for (Index t = 0; t < c.T; ++t)
        for (Index b = 0; b < c.B; ++b)
          if (t >= lengths[b]) std::fill_n(&weight_y[(t * c.B + b) * c.directions * c.H], c.directions * c.H, T(50.0f));
  }

  StackTensors<double> parameters() const {
    StackTensors<double> d{to_double(p.input), {}};
    for (const auto& l : p.layers)
      d.layers.push_back({to_double(l.weight_ih), to_double(l.weight_hh), to_double(l.bias_ih), to_double(l.bias_hh)});
    return d;
  }

  // The same numbers, for a device that computes in float.
  StackProblem<Family, float> in_float() const {
    StackProblem<Family, float> f(c);
    const auto widen = [](std::vector<float>& to, const std::vector<T>& from) {
      std::ranges::transform(from, to.begin(), [](T value) { return static_cast<float>(value); });
    };
    widen(f.p.input, p.input);
    for (std::size_t i = 0; i < p.layers.size(); ++i) {
      widen(f.p.layers[i].weight_ih, p.layers[i].weight_ih);
      widen(f.p.layers[i].weight_hh, p.layers[i].weight_hh);
      widen(f.p.layers[i].bias_ih, p.layers[i].bias_ih);
      widen(f.p.layers[i].bias_hh, p.layers[i].bias_hh);
    }
    widen(f.h0.values(), h0.values());
    widen(f.c0.values(), c0.values());
    widen(f.weight_y.values(), weight_y.values());
    widen(f.weight_hn.values(), weight_hn.values());
    return f;
  }

  StackOracle oracle() const {
    StackOracle o;
    o.cell = Family::oracle();
    o.shape = c;
    o.lengths.assign(lengths.values().begin(), lengths.values().end());
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

  // What the kernels make of it.
  struct Result {
    std::vector<T> y, hn, cn, dinput;
    std::vector<StackTensors<float>::Layer> gradients;
    bool has_bits_of(const Result& o) const {
      bool same = same_bits(y, o.y) && same_bits(hn, o.hn) && same_bits(cn, o.cn) && same_bits(dinput, o.dinput);
      for (std::size_t i = 0; i < gradients.size(); ++i) {
        const auto &a = gradients[i], &b = o.gradients[i];
        same = same && same_bits(a.weight_ih, b.weight_ih) && same_bits(a.weight_hh, b.weight_hh) &&
               same_bits(a.bias_ih, b.bias_ih) && same_bits(a.bias_hh, b.bias_hh);
      }
      return same;
    }
  };

  // Tensors of one kind for every layer, where the device reaches them, and the views that the kernels take.
  template <class Device, class N>
  struct Layers {
    std::vector<decltype(place(std::declval<const Device&>(), Array<N, 1>({1})))> parts;
    std::vector<Index> sizes;

    Layers(const Device& device, const std::vector<typename StackTensors<N>::Layer>& layers) {
      for (const auto& l : layers)
        for (const auto* part : {&l.weight_ih, &l.weight_hh, &l.bias_ih, &l.bias_hh}) {
          Array<N, 1> array({std::max<Index>(1, static_cast<Index>(part->size()))});
          std::copy(part->begin(), part->end(), array.values().begin());
          parts.push_back(place(device, array));
          sizes.push_back(static_cast<Index>(part->size()));
        }
    }
    template <class Element>  // N or const N
    std::vector<RecurrentLayer<Element>> views(const StackCase& c) {
      const auto matrix = [&](std::size_t i, Index columns) {
        return sizes[i] > 0 ? View<Element, 2>(parts[i].view().data(), {G * c.H, columns}) : View<Element, 2>();
      };
      std::vector<RecurrentLayer<Element>> result;
      for (std::size_t i = 0; i < parts.size(); i += 4)
        result.push_back({matrix(i, c.directions * c.H), matrix(i + 1, c.H), parts[i + 2].view(), parts[i + 3].view()});
      return result;
    }
    std::vector<typename StackTensors<N>::Layer> values() const {
      const auto part = [&](std::size_t i) {
        auto values = fetch(parts[i]).values();
        values.resize(static_cast<std::size_t>(sizes[i]));
        return values;
      };
      std::vector<typename StackTensors<N>::Layer> result;
      for (std::size_t i = 0; i < parts.size(); i += 4)
        result.push_back({part(i), part(i + 1), part(i + 2), part(i + 3)});
      return result;
    }
  };

  Array<T, 3> input() const {
    Array<T, 3> array({c.T, c.B, c.directions * G * c.H});
    array.values() = p.input;
    return array;
  }

  template <class Device>
  Result run(Device& device) const {
    const T unknown(NAN);
    Layers<Device, T> parameters(device, p.layers);
    const auto weights = parameters.template views<const T>(c);
    auto packed = place(device, Array<float, 1>({kernels::recurrent_packed_size(device, shape)}));
    kernels::recurrent_pack<T>(device, shape, weights, packed.view());
    const Index stacks = c.layers * c.directions;
    const auto x = place(device, input()), first_h = place(device, h0), first_c = place(device, c0);
    const auto dy = place(device, weight_y), dhn = place(device, weight_hn);
    const auto length_array = place(device, lengths);
    auto y = place(device, Array<T, 3>({c.T, c.B, c.directions * c.H}, unknown));
    auto hn = place(device, Array<T, 3>({stacks, c.B, c.H}, unknown));
    auto cn = place(device, Array<T, 3>({stacks, c.B, S * c.H}, unknown));
    auto saved = place(device, Array<T, 1>({kernels::recurrent_saved_size(device, shape, c.dropout)}, unknown));
    const auto given = [](bool condition, auto view) { return condition ? view : decltype(view)(); };
    kernels::recurrent_forward<T>(device, shape,
                                  {.input = x.view(),
                                   .weights = weights,
                                   .packed = packed.view(),
                                   .lengths = given(c.lengths, length_array.view()),
                                   .h0 = given(c.initial, first_h.view()),
                                   .c0 = given(c.initial, first_c.view()),
                                   .y = y.view(),
                                   .hn = hn.view(),
                                   .cn = cn.view(),
                                   .saved = saved.view(),
                                   .dropout = dropout});
    Result result{fetch(y).values(), fetch(hn).values(), fetch(cn).values(), {}, {}};
    auto dinput = place(device, Array<T, 3>({c.T, c.B, c.directions * G * c.H}, c.accumulate ? T(1.0f) : unknown));
    for (const auto& l : p.layers)
      result.gradients.push_back(
          {std::vector<float>(l.weight_ih.size(), 1.0f), std::vector<float>(l.weight_hh.size(), 1.0f),
           std::vector<float>(l.bias_ih.size(), 1.0f), std::vector<float>(l.bias_hh.size(), 1.0f)});
    Layers<Device, float> gradients(device, result.gradients);
    const auto gradient_views = gradients.template views<float>(c);
    auto scratch = place(device, Array<T, 1>({kernels::recurrent_scratch_size(device, shape)}, unknown));
    kernels::recurrent_backward<T>(device, shape,
                                   {.weights = weights,
                                    .packed = packed.view(),
                                    .lengths = given(c.lengths, length_array.view()),
                                    .h0 = given(c.initial, first_h.view()),
                                    .c0 = given(c.initial, first_c.view()),
                                    .y = y.view(),
                                    .saved = saved.view(),
                                    .dy = dy.view(),
                                    .dhn = dhn.view(),
                                    .dinput = dinput.view(),
                                    .dinput_accumulate = c.accumulate ? Accumulate::yes : Accumulate::no,
                                    .gradients = gradient_views,
                                    .scratch = scratch.view(),
                                    .dropout = dropout});
    result.dinput = fetch(dinput).values();
    result.gradients = gradients.values();
    return result;
  }
};

inline std::vector<double> plus_one(std::vector<double> values) {
  for (double& v : values) v += 1;
  return values;
}

template <class Case>
class RecurrentStackTest : public DeviceTest<typename Case::Target> {
 protected:
  using Family = typename Case::Family;
  using typename DeviceTest<typename Case::Target>::Number;
  using Problem = StackProblem<Family, Number>;

  static std::vector<StackCase> stack_cases() {
    std::vector<StackCase> all{{5, 3, 4, 1, 1},
                               {6, 9, 8, 2, 1},
                               {7, 2, 13, 2, 2},
                               {4, 9, 20, 3, 1, false, true},
                               {9, 5, 33, 2, 2, true},
                               {8, 11, 16, 2, 1, true, true, 0.3f, true},
                               {5, 8, 64, 2, 2, false, false, 0.5f},
                               {16, 8, 64, 2, 1, true},
                               {3, 4, 70, 2, 1, true},
                               {2, 2, 128, 1, 1},
                               {1, 9, 13, 2, 1},
                               {3, 3, 130, 1, 1, true}};
    // The size that models have; an emulated card would take a minute for it.
    if (std::is_same_v<typename Case::Target, OnCpu>) all.push_back({64, 8, 64, 2, 1});
    // A single number may lose more than the tolerance where bf16's cancel; of many it is the norm that counts.
    if (std::is_same_v<Number, float>) all.push_back({1, 1, 1, 1, 1});
    return cases<StackCase>(all, {{2, 3, 3, 2, 2, true}, {2, 9, 5, 1, 1, false, true}, {2, 3, 66, 1, 1}});
  }

  // The cases, and on a card those of each kind of kernels that the fastest would go before.
  template <class Check>
  void for_each_case(Check&& check) {
    for (const StackCase& c : stack_cases()) check(c);
#ifdef POLONAISE_HAS_CUDA
    if constexpr (std::is_same_v<typename Case::Target::Device, Cuda>) {
      const auto with = [&](RecurrentKernels kernels, const std::vector<StackCase>& cases) {
        this->device().set_recurrent_kernels(kernels);
        for (const StackCase& c : cases) check(c);
      };
      // Chunks of steps that are whole and that are not, one and none of them; tiles of rows; layers of two launches.
      const std::vector<StackCase> of_layers{{8, 1, 20, 3, 1},
                                             {9, 5, 7, 3, 1, true, false, 0.4f, true},
                                             {17, 1, 33, 2, 1, false, true, 0.3f},
                                             {19, 4, 16, 2, 1, true},
                                             { 3,
                                               2,
                                               6,
                                               5,
                                               1,
                                               false,
                                               true,
                                               0.2f }};
      with(RecurrentKernels::wavefront, cases<StackCase>(of_layers, {{ 9, 2, 3, 2, 1, false, true, 0.3f }}));
      with(RecurrentKernels::block, cases<StackCase>({{5, 3, 21, 2, 1, true, true, 0.3f}, { 3, 2, 9, 2, 2 }}, {}));
      with(RecurrentKernels::stepwise, cases<StackCase>({{3, 9, 35, 2, 2, true},
                                                         { 2,
                                                           2,
                                                           34,
                                                           1,
                                                           1,
                                                           false,
                                                           true }},
                                                        {{ 2,
                                                           2,
                                                           34,
                                                           1,
                                                           1,
                                                           false,
                                                           true }}));
      std::vector<StackCase> all{{4, 3, 13, 2, 2, true}, {5, 2, 33, 2, 1, true, true, 0.3f, true}, { 2, 70, 5, 1, 1 }};
      // More rows than are resident, and more inputs than warps take at once.
      if (std::is_same_v<Number, bf16>) all.push_back({2, 34, 260, 1, 1, true});
      if (this->device().properties().major == 9)
        with(RecurrentKernels::cluster, cases<StackCase>({{4, 3, 13, 2, 2, true},
                                                          {3, 11, 40, 2, 1, true, true, 0.3f, true},
                                                          { 2,
                                                            2,
                                                            250,
                                                            1,
                                                            1 }},
                                                         {{ 3,
                                                            9,
                                                            40,
                                                            1,
                                                            1,
                                                            true }}));
      with(RecurrentKernels::grid, cases<StackCase>(all, {{3, 3, 13, 1, 2, true}, { 2, 34, 20, 1, 1, false, true }}));
    }
#endif
  }

  // In bf16 each layer rounds what the next one reads.
  static double limit(const StackCase& c) {
    return kTolerance<Number> * (std::is_same_v<Number, float> ? 1.0 : static_cast<double>(c.layers));
  }
};
TYPED_TEST_SUITE_P(RecurrentStackTest);

TYPED_TEST_P(RecurrentStackTest, OracleGradientAgreesWithCentralDifferences) {
  for (const StackCase& c : {StackCase{3, 2, 2, 2, 2, true}, StackCase{4, 2, 3, 2, 1, false, true}}) {
    const typename TestFixture::Problem problem(c);
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
  this->for_each_case([&](const StackCase& c) {
    const double limit = TestFixture::limit(c);
    SCOPED_TRACE(::testing::Message() << "T " << c.T << " B " << c.B << " H " << c.H << " layers " << c.layers
                                      << " directions " << c.directions);
    const typename TestFixture::Problem problem(c);
    StackOracle oracle = problem.oracle();
    oracle.run(problem.parameters());
    const auto result = problem.run(this->device());
    EXPECT_LT(relative_error(result.y, oracle.y), limit);
    EXPECT_LT(relative_error(result.hn, oracle.hn), limit);
    EXPECT_TRUE(oracle.cn.empty() || relative_error(result.cn, oracle.cn) < limit);
    EXPECT_LT(relative_error(result.dinput, c.accumulate ? plus_one(oracle.gradient.input) : oracle.gradient.input),
              limit);
    for (std::size_t i = 0; i < result.gradients.size(); ++i) {
      const auto& actual = result.gradients[i];
      const auto& expected = oracle.gradient.layers[i];
      EXPECT_LT(relative_error(actual.weight_ih, plus_one(expected.weight_ih)), limit);
      EXPECT_LT(relative_error(actual.weight_hh, plus_one(expected.weight_hh)), limit);
      EXPECT_LT(relative_error(actual.bias_ih, plus_one(expected.bias_ih)), limit);
      EXPECT_LT(relative_error(actual.bias_hh, plus_one(expected.bias_hh)), limit);
    }
  });
}

TYPED_TEST_P(RecurrentStackTest, BitsRepeatAndDoNotDependOnTheNumberOfThreads) {
  this->for_each_case([&](const StackCase& c) {
#ifdef POLONAISE_CUDA_EMULATED
    if (c.H >= 128) return;  // an emulated card takes seconds, for code that smaller layers run as well
#endif
    const typename TestFixture::Problem problem(c);
    const auto first = problem.run(this->device());
    for (auto& twin : this->twins()) EXPECT_TRUE(problem.run(twin).has_bits_of(first)) << "H " << c.H;
  });
}

TYPED_TEST_P(RecurrentStackTest, StepsFollowTheSequence) {
  using T = typename TestFixture::Number;
  for (const StackCase& c : cases<StackCase>({{5, 3, 13, 2, 1}, {6, 1, 64, 3, 1}}, {{2, 3, 5, 2, 1}})) {
    const double limit = std::is_same_v<T, float> ? 1e-6 : TestFixture::limit(c);
    const typename TestFixture::Problem problem(c);
    const auto sequence = problem.run(this->device());
    auto& device = this->device();
    typename TestFixture::Problem::template Layers<typename TestFixture::Device, T> parameters(device,
                                                                                               problem.p.layers);
    const auto weights = parameters.template views<const T>(c);
    auto packed = this->place(Array<float, 1>({kernels::recurrent_packed_size(device, problem.shape)}));
    kernels::recurrent_pack<T>(device, problem.shape, weights, packed.view());
    auto h = this->place(Array<T, 3>({c.layers, c.B, c.H}, T(0.0f)));
    auto cell = this->place(Array<T, 3>({c.layers, c.B, problem.shape.states() * c.H}, T(0.0f)));
    const auto x = this->place(problem.input());
    const Index states = c.B * c.H, width = problem.shape.gates() * c.H;
    for (Index t = 0; t < c.T; ++t) {
      const View<const T, 2> input = x.view().row_block(t * c.B, c.B);
      ASSERT_EQ(input.columns(), width);
      kernels::recurrent_step<T>(
          device, problem.shape,
          {.input = input, .weights = weights, .packed = packed.view(), .h = h.view(), .c = cell.view()});
      const auto states_now = fetch(h).values();
      const std::vector<T> top(states_now.end() - states, states_now.end());
      const std::vector<T> expected(sequence.y.begin() + t * states, sequence.y.begin() + (t + 1) * states);
      EXPECT_LT(relative_error(top, to_double(expected)), limit) << "step " << t;
    }
  }
}

TYPED_TEST_P(RecurrentStackTest, ContractsAreChecked) {
  const RecurrentShape three_directions{2, 2, 2, 1, 3};
  EXPECT_THROW(kernels::recurrent_packed_size(this->device(), three_directions), ContractError);
  StackCase c{2, 2, 3, 1, 2};
  c.initial = true;  // an initial state with two directions
  EXPECT_THROW(typename TestFixture::Problem(c).run(this->device()), ContractError);
}

REGISTER_TYPED_TEST_SUITE_P(RecurrentStackTest, OracleGradientAgreesWithCentralDifferences,
                            ForwardAndGradientsFollowTheDoubleOracle, BitsRepeatAndDoNotDependOnTheNumberOfThreads,
                            StepsFollowTheSequence, ContractsAreChecked);

}  // namespace polonaise::testing
