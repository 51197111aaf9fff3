#include "kernels/sampling/generation.h"

#include <algorithm>

#include "kernels/base/require.h"
#include "kernels/embedding/embedding.h"
#include "kernels/linear/linear.h"
#include "tests/kernels/devices.h"
#include "tests/kernels/grammar_support.h"

namespace polonaise::testing {
namespace {

using kernels::Cell;
using kernels::GenerationDraws;
using kernels::GenerationNetwork;
using kernels::GenerationState;

constexpr kernels::RandomStream kStream{.seed = 31, .step = 4, .op = 2};
constexpr Index kFirstRow = 6;

struct Case {
  kernels::Cell cell = kernels::Cell::lstm;
  std::string kind = "tokens";  // or "frames", "rolls"
  Index B = 1, H = 8, layers = 1;
  kernels::SamplingOptions sampling = {};
  bool ruled = false;

  Index keys() const { return kind == "tokens" ? 0 : 37; }
  Index vocabulary() const { return kind == "tokens" ? 43 : kind == "frames" ? 5 : 0; }
  Index inputs() const { return kind == "tokens" ? vocabulary() + 1 : keys() + (vocabulary() > 0 ? 1 : 0); }
  Index outputs() const { return keys() + vocabulary(); }
  kernels::RecurrentShape shape() const { return {1, B, H, layers, 1, cell}; }
};

// Everything that a call needs, in host memory.
struct Host {
  Case c;
  Array<float, 2> inputs, head_weight;
  Array<float, 1> head_bias, length_values;
  std::vector<Array<float, 2>> weight_ih, weight_hh;
  std::vector<Array<float, 1>> bias_ih, bias_hh;
  Array<float, 3> h, cs;
  Array<float, 2> logits;
  OwnedGrammar grammar;
  Array<std::int32_t, 2> state;

  explicit Host(const Case& the_case)
      : c(the_case),
        inputs(random_array<2>({c.inputs(), c.shape().gates() * c.H}, 1)),
        head_weight(random_array<2>({c.outputs(), c.H}, 2, 2)),
        head_bias(random_array<1>({c.outputs()}, 3)),
        length_values(random_array<1>({c.keys() > 0 ? c.vocabulary() : 0}, 4)),
        h(random_array<3>({c.layers, c.B, c.H}, 5)),
        cs(random_array<3>({c.layers, c.B, c.shape().states() * c.H}, 6)),
        logits(random_array<2>({c.B, c.outputs()}, 7, 2)),
        state({c.B, 1}) {
    const Index G = c.shape().gates() * c.H;
    for (Index layer = 0; layer < c.layers; ++layer) {
      const auto seed = static_cast<std::uint64_t>(10 * layer);
      weight_ih.push_back(random_array<2>({G, c.H}, seed + 11, 0.5f));
      weight_hh.push_back(random_array<2>({G, c.H}, seed + 12, 0.5f));
      bias_ih.push_back(random_array<1>({G}, seed + 13));
      bias_hh.push_back(random_array<1>({G}, seed + 14));
    }
    if (!c.ruled) return;
    // Of rolls: an end after ten frames.
    grammar = c.vocabulary() == 0 ? OwnedGrammar{.end = 20, .frame_ticks = 2}
                                  : random_grammar(3, {.vocabulary = static_cast<int>(c.vocabulary()),
                                                       .states = c.keys() > 0 ? 1 : 3,
                                                       .counters = c.keys() > 0 ? 0 : 3,
                                                       .end = 40});
    for (Index k = 0; k < c.keys(); ++k) grammar.key_drawable.push_back(k % 5 != 2);
    grammar.max_keys = c.keys() > 0 ? 6 : 0;
    Cpu cpu;
    const PlacedGrammar<Cpu> placed(cpu, grammar);
    state = Array<std::int32_t, 2>({c.B, kernels::grammar_state_size(placed.view())});
    kernels::grammar_start(cpu, placed.view(), state.view());
  }
};

struct Results {
  std::vector<std::int32_t> tokens, drawn, grammar;
  std::vector<std::uint8_t> keys;
  std::vector<float> h, c, logits;

  bool same_events(const Results& other) const {
    return tokens == other.tokens && keys == other.keys && drawn == other.drawn && grammar == other.grammar;
  }
  bool same_bits_as(const Results& other) const {
    return same_events(other) && same_bits(h, other.h) && c.size() == other.c.size() &&
           (c.empty() || same_bits(c, other.c)) && same_bits(logits, other.logits);
  }
};

// Draws by the function under test, in calls of so many events each.
template <class Device>
Results generated(Device& device, const Host& host, const std::vector<Index>& calls) {
  const Case& c = host.c;
  const auto put = [&](const auto& array) { return place(device, array); };
  const auto inputs = put(host.inputs), head_weight = put(host.head_weight);
  const auto head_bias = put(host.head_bias), length_values = put(host.length_values);
  std::vector<decltype(put(host.inputs))> matrices;
  std::vector<decltype(put(host.head_bias))> biases;
  std::vector<kernels::RecurrentLayer<const float>> layers;
  for (std::size_t l = 0; l < host.weight_ih.size(); ++l) {
    for (const auto* matrix : {&host.weight_ih[l], &host.weight_hh[l]}) matrices.push_back(put(*matrix));
    for (const auto* bias : {&host.bias_ih[l], &host.bias_hh[l]}) biases.push_back(put(*bias));
  }
  for (std::size_t l = 0; l < host.weight_ih.size(); ++l) {
    const auto at = [l](const auto& all, std::size_t i) { return all[2 * l + i].view(); };
    layers.push_back({l == 0 ? View<const float, 2>() : at(std::as_const(matrices), 0), at(std::as_const(matrices), 1),
                      at(std::as_const(biases), 0), at(std::as_const(biases), 1)});
  }
  const kernels::RecurrentShape shape = c.shape();
  auto packed = put(Array<float, 1>({kernels::recurrent_packed_size(device, shape)}));
  kernels::recurrent_pack<float>(device, shape, layers, packed.view());

  GenerationNetwork network{.shape = shape,
                            .inputs = inputs.view(),
                            .weights = layers,
                            .packed = std::as_const(packed).view(),
                            .head_weight = head_weight.view(),
                            .head_bias = head_bias.view(),
                            .keys = c.keys()};
  if (c.keys() > 0 && c.vocabulary() > 0) network.length_values = length_values.view();
  auto h = put(host.h), cs = put(host.cs);
  auto logits = put(host.logits);
  auto state = put(host.state);
  const PlacedGrammar<Device> grammar(device, host.grammar);
  const GenerationState at{h.view(), cs.view(), logits.view(), c.ruled ? state.view() : View<std::int32_t, 2>()};
  EXPECT_TRUE(kernels::generation_fits(device, network, c.ruled ? &grammar.view() : nullptr));

  Results results;
  results.drawn.assign(static_cast<std::size_t>(c.B), 0);
  std::vector<std::vector<std::int32_t>> tokens(static_cast<std::size_t>(c.B));
  std::vector<std::vector<std::uint8_t>> keys(static_cast<std::size_t>(c.B));
  kernels::RandomStream stream = kStream;
  for (const Index events : calls) {
    auto some_tokens = put(Array<std::int32_t, 2>({c.B, events}, -9));
    auto some_keys = put(Array<std::uint8_t, 3>({c.B, events, c.keys()}, 9));
    auto drawn = put(Array<std::int32_t, 1>({c.B}, -9));
    GenerationDraws draws{.events = events,
                          .grammar = c.ruled ? &grammar.view() : nullptr,
                          .sampling = c.sampling,
                          .stream = stream,
                          .first_row = kFirstRow,
                          .drawn = drawn.view()};
    if (c.vocabulary() > 0) draws.tokens = some_tokens.view();
    if (c.keys() > 0) draws.keys = some_keys.view();
    kernels::recurrent_generate(device, network, at, draws);
    stream.step += static_cast<std::uint32_t>(events);
    const auto of_tokens = fetch(some_tokens).values(), of_drawn = fetch(drawn).values();
    const auto of_keys = fetch(some_keys).values();
    for (std::size_t b = 0; b < tokens.size(); ++b) {
      const auto n = static_cast<std::size_t>(events), k = n * static_cast<std::size_t>(c.keys());
      if (c.vocabulary() > 0)
        for (std::size_t i = 0; i < n; ++i) tokens[b].push_back(of_tokens[b * n + i]);
      for (std::size_t i = 0; i < k; ++i) keys[b].push_back(of_keys[b * k + i]);
      results.drawn[b] += of_drawn[b];
    }
  }
  for (const auto& row : tokens) results.tokens.insert(results.tokens.end(), row.begin(), row.end());
  for (const auto& row : keys) results.keys.insert(results.keys.end(), row.begin(), row.end());
  results.h = fetch(h).values();
  results.c = fetch(cs).values();
  results.logits = fetch(logits).values();
  if (c.ruled) results.grammar = fetch(state).values();
  return results;
}

// The same by the CPU's kernels of single steps, all streams at once. A stream that has stopped draws on, unheeded.
Results stepped(const Host& start, Index events) {
  Host host = start;
  const Case& c = host.c;
  Cpu cpu;
  const Index B = c.B, H = c.H, V = c.vocabulary(), K = c.keys(), width = shape_of(c.cell).gates * H;
  const kernels::RecurrentShape shape = c.shape();
  std::vector<kernels::RecurrentLayer<const float>> layers;
  for (std::size_t l = 0; l < host.weight_ih.size(); ++l)
    layers.push_back({l == 0 ? View<const float, 2>() : std::as_const(host.weight_ih[l]).view(),
                      std::as_const(host.weight_hh[l]).view(), std::as_const(host.bias_ih[l]).view(),
                      std::as_const(host.bias_hh[l]).view()});
  Array<float, 1> packed({kernels::recurrent_packed_size(cpu, shape)});
  kernels::recurrent_pack<float>(cpu, shape, layers, packed.view());
  const PlacedGrammar<Cpu> placed(cpu, host.grammar);
  const kernels::Grammar& grammar = placed.view();

  Results results;
  results.drawn.assign(static_cast<std::size_t>(B), 0);
  results.tokens.assign(static_cast<std::size_t>(V > 0 ? B * events : 0), -1);
  results.keys.assign(static_cast<std::size_t>(B * events * K), 0);
  std::vector<bool> going(static_cast<std::size_t>(B), true);
  for (Index s = 0; s < events; ++s) {
    kernels::RandomStream stream = kStream;
    stream.step += static_cast<std::uint32_t>(s);
    const auto state_before = host.state;
    Array<std::uint8_t, 2> mask({B, V}, 1);
    if (c.ruled && V > 0) kernels::grammar_mask(cpu, grammar, std::as_const(host.state).view(), mask.view());
    for (Index b = 0; b < B; ++b) {
      std::uint8_t* const row = mask.view().row(b);
      const auto i = static_cast<std::size_t>(b);
      const std::int32_t* const state = host.state.view().row(b);
      if (c.ruled && state[kernels::GrammarState::kEnded]) going[i] = false;
      if (V == 0 && c.ruled && state[kernels::GrammarState::kClock] + grammar.frame_ticks > grammar.end)
        going[i] = false;
      if (V > 0 && std::find(row, row + V, 1) == row + V) {
        going[i] = false;
        std::fill_n(row, V, std::uint8_t{1});
      }
    }
    Array<std::int32_t, 1> tokens({B});
    Array<std::uint8_t, 2> keys({B, K});
    if (V > 0) {
      kernels::RandomStream of_tokens = stream;
      of_tokens.op += K > 0 ? 1 : 0;
      kernels::sample_tokens(cpu, {.logits = std::as_const(host.logits).view().column_block(K, V),
                                   .allowed = mask.view(),
                                   .options = c.sampling,
                                   .stream = of_tokens,
                                   .first_row = kFirstRow,
                                   .tokens = tokens.view()});
    }
    if (K > 0) {
      kernels::SamplingOptions sampling = c.sampling;
      sampling.max_keys = grammar.max_keys;
      Array<std::uint8_t, 2> allowed({B, K}, 1);
      for (Index i = 0; c.ruled && i < B * K; ++i)
        allowed[i] = host.grammar.key_drawable[static_cast<std::size_t>(i % K)];
      kernels::sample_keys(cpu, {.logits = std::as_const(host.logits).view().column_block(0, K),
                                 .allowed = allowed.view(),
                                 .options = sampling,
                                 .stream = stream,
                                 .first_row = kFirstRow,
                                 .keys = keys.view()});
    }
    if (c.ruled)
      kernels::grammar_take(cpu, grammar, V > 0 ? tokens.view() : View<std::int32_t, 1>(), host.state.view());

    Array<float, 2> product({B, width});
    std::vector<std::int32_t> offsets{0}, columns;
    std::vector<float> values;
    for (Index b = 0; b < B; ++b) {
      for (Index k = 0; k < K; ++k)
        if (keys[b * K + k]) columns.push_back(static_cast<std::int32_t>(k));
      values.resize(columns.size(), 1.0f);
      if (K > 0 && V > 0) {
        columns.push_back(static_cast<std::int32_t>(K));
        values.push_back(host.length_values[tokens[b]]);
      }
      offsets.push_back(static_cast<std::int32_t>(columns.size()));
    }
    columns.push_back(0);  // never no memory
    values.push_back(0);
    const Index entries = static_cast<Index>(columns.size()) - 1;
    const kernels::SparseRows x{{offsets.data(), {B + 1}}, {columns.data(), {entries}}, {values.data(), {entries}}};
    if (K > 0)
      kernels::embedding_bag_forward<float>(cpu, {.x = x, .table = host.inputs.view(), .y = product.view()});
    else
      kernels::embedding_forward<float>(cpu, {.ids = tokens.view(), .table = host.inputs.view(), .y = product.view()});
    auto h = host.h, cs = host.cs;
    auto logits = host.logits;
    kernels::RecurrentStep<float> step{.input = std::as_const(product).view(),
                                       .weights = layers,
                                       .packed = std::as_const(packed).view(),
                                       .h = h.view(),
                                       .c = cs.view()};
    kernels::recurrent_step<float>(cpu, shape, step);
    const View<const float, 2> top(h.view().row((c.layers - 1) * B), {B, H});
    kernels::linear_forward<float>(
        cpu, {.x = top, .weight = host.head_weight.view(), .bias = host.head_bias.view(), .y = logits.view()});
    for (Index b = 0; b < B; ++b) {
      if (!going[static_cast<std::size_t>(b)]) {
        std::copy_n(state_before.view().row(b), host.state.view().columns(), host.state.view().row(b));
        continue;
      }
      ++results.drawn[static_cast<std::size_t>(b)];
      if (V > 0) results.tokens[static_cast<std::size_t>(b * events + s)] = tokens[b];
      std::copy_n(keys.view().row(b), K, results.keys.data() + (b * events + s) * K);
      for (Index l = 0; l < c.layers; ++l) {
        std::copy_n(h.view().row(l * B + b), H, host.h.view().row(l * B + b));
        std::copy_n(cs.view().row(l * B + b), shape.states() * H, host.cs.view().row(l * B + b));
      }
      std::copy_n(logits.view().row(b), c.outputs(), host.logits.view().row(b));
    }
  }
  results.h = host.h.values();
  results.c = host.cs.values();
  results.logits = host.logits.values();
  if (c.ruled) results.grammar = host.state.values();
  return results;
}

template <class Target>
class Generate : public DeviceTest<Target> {
 protected:
  void agrees(const Case& c, Index events) {
    SCOPED_TRACE(c.kind + " B " + std::to_string(c.B) + " H " + std::to_string(c.H));
    const Host host(c);
    const Results expected = stepped(host, events);
    for (auto& twin : this->twins()) {
      const Results results = generated(twin, host, {events});
      EXPECT_EQ(results.tokens, expected.tokens);
      EXPECT_EQ(results.drawn, expected.drawn);
      EXPECT_TRUE(results.same_events(expected));
      EXPECT_LT(relative_error(results.h, to_double(expected.h)), kFloatTolerance);
      EXPECT_LT(relative_error(results.c, to_double(expected.c)), kFloatTolerance);
      EXPECT_LT(relative_error(results.logits, to_double(expected.logits)), kFloatTolerance);
    }
  }
};
TYPED_TEST_SUITE(Generate, FloatTargets, TargetNames);

const kernels::SamplingOptions kCut{.temperature = 1.5f, .top_k = 20, .top_p = 0.9f};

TYPED_TEST(Generate, DrawsWhatSingleStepsDraw) {
  for (const std::string kind : {"tokens", "frames", "rolls"}) {
    const Index events = cases<Index>({6}, {2})[0];
    this->agrees({.cell = Cell::lstm, .kind = kind, .B = 2, .H = 9, .layers = 2}, events);
    this->agrees({.cell = Cell::gru, .kind = kind, .B = 1, .H = 8, .layers = 3, .sampling = kCut}, events);
    this->agrees({.cell = Cell::rnn, .kind = kind, .B = 3, .H = 68, .layers = 2}, events);
    this->agrees({.cell = Cell::slstm, .kind = kind, .B = 2, .H = 10, .layers = 2}, events);
  }
}

// More streams than the emulated card has multiprocessors: a block takes several.
TYPED_TEST(Generate, DrawsForManyStreamsAtOnce) {
  for (const std::string& kind : cases<std::string>({"tokens", "frames", "rolls"}, {"frames"})) {
    this->agrees({.cell = Cell::lstm, .kind = kind, .B = 9, .H = 12, .layers = 2}, 3);
    this->agrees({.cell = Cell::gru, .kind = kind, .B = 17, .H = 5, .layers = 2, .ruled = true}, 3);
  }
}

TYPED_TEST(Generate, KeepsToTheGrammarUntilItEnds) {
  for (const std::string& kind : cases<std::string>({"tokens", "frames", "rolls"}, {"tokens"})) {
    const Index events = cases<Index>({60}, {8})[0];
    this->agrees({.cell = Cell::lstm, .kind = kind, .B = 3, .H = 6, .sampling = {.temperature = 3}, .ruled = true},
                 events);
  }
}

// Weights that shared memory has no room for, with rows that can be read four at a time and others.
TYPED_TEST(Generate, ReadsWhatHasNoRoomOnTheChip) {
  for (const Index H : cases<Index>({128, 130}, {}))
    this->agrees({.cell = Cell::lstm, .kind = "tokens", .B = 1, .H = H, .layers = 2}, 2);
}

TYPED_TEST(Generate, ACallOfManyEventsIsManyOfFew) {
  for (const std::string& kind : cases<std::string>({"tokens", "frames", "rolls"}, {"frames"})) {
    const Host host(
        {.cell = Cell::gru, .kind = kind, .B = 2, .H = 7, .layers = 2, .sampling = {.temperature = 2}, .ruled = true});
    const Results whole = generated(this->device(), host, {14});
    EXPECT_TRUE(generated(this->device(), host, {5, 1, 8}).same_bits_as(whole));
  }
}

TYPED_TEST(Generate, AStreamIsTheSameAloneAndAmongOthers) {
  const Index B = 9, events = cases<Index>({8}, {2})[0];
  const Host host({.cell = Cell::lstm, .kind = "frames", .B = B, .H = 10, .layers = 2});
  const Results all = generated(this->device(), host, {events});
  Host first({.cell = Cell::lstm, .kind = "frames", .B = 1, .H = 10, .layers = 2});
  for (Index l = 0; l < 2; ++l) {
    std::copy_n(host.h.view().row(l * B), 10, first.h.view().row(l));
    std::copy_n(host.cs.view().row(l * B), 10, first.cs.view().row(l));
  }
  std::copy_n(host.logits.view().row(0), host.c.outputs(), first.logits.view().row(0));
  const Results alone = generated(this->device(), first, {events});
  const auto of_first = [](const auto& values, std::size_t rows) {
    using Values = std::decay_t<decltype(values)>;
    return Values(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / rows));
  };
  EXPECT_EQ(alone.tokens, of_first(all.tokens, B));
  EXPECT_EQ(alone.keys, of_first(all.keys, B));
  EXPECT_TRUE(same_bits(alone.logits, of_first(all.logits, B)));
}

TYPED_TEST(Generate, ShapesThatDoNotFitAreRefused) {
  Array<float, 3> h({1, 1, 4});
  Array<float, 2> inputs({6, 4}), weight({4, 4}), head({5, 4}), logits({1, 5});
  Array<float, 1> bias({4}), head_bias({5});
  Array<std::int32_t, 2> tokens({1, 2});
  Array<std::int32_t, 1> drawn({1});
  const kernels::RecurrentLayer<const float> layer{{}, weight.view(), bias.view(), bias.view()};
  GenerationNetwork network{.shape = {1, 1, 4, 1, 1, Cell::rnn},
                            .inputs = inputs.view(),
                            .weights = {&layer, 1},
                            .packed = {},
                            .head_weight = head.view(),
                            .head_bias = head_bias.view()};
  const auto run = [&](const GenerationNetwork& n, const GenerationState& state, const GenerationDraws& draws) {
    kernels::recurrent_generate(this->device(), n, state, draws);
  };
  const GenerationState state{h.view(), {}, logits.view()};
  const GenerationDraws draws{
      .events = 2, .sampling = {}, .stream = {}, .tokens = tokens.view(), .drawn = drawn.view()};
  GenerationDraws other = draws;
  other.events = 3;
  EXPECT_THROW(run(network, state, other), ContractError);
  other = draws;
  other.sampling.temperature = -1;
  EXPECT_THROW(run(network, state, other), ContractError);
  EXPECT_THROW(run(network, {h.view(), {}, {}}, draws), ContractError);
  network.keys = 6;
  EXPECT_THROW(run(network, state, draws), ContractError);
  network.keys = 0;
  network.shape.layers = 2;
  EXPECT_THROW(run(network, state, draws), ContractError);
}

}  // namespace
}  // namespace polonaise::testing
