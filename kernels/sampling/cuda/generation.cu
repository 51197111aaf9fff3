#include "kernels/sampling/generation.h"

#include "kernels/base/require.h"
#include "kernels/cuda/host/context.h"
#include "kernels/cuda/host/launch.h"
#include "kernels/sampling/cuda/generation.cuh"

namespace polonaise::kernels {
namespace generation {
namespace {

constexpr int kTile = 8;  // streams of a block, where one each would not fill the card at once

// What a block of `rows` streams lays into its shared memory; `state_size` is the grammar's.
Plan plan_of(const Cuda& cuda, const GenerationNetwork& n, Index state_size, Index rows) {
  const RecurrentShape& s = n.shape;
  const Index sums = s.gates() + (shape_of(s.cell).last_apart ? 1 : 0);  // Block::kSums
  Index used = 0;
  const auto take = [&](Index bytes) {
    const Index offset = used;
    used += ceil_div(bytes, 16) * 16;
    return static_cast<int>(std::min<Index>(offset, std::numeric_limits<int>::max()));
  };
  constexpr Index kFloat = sizeof(float);
  const Index padded = ceil_div(s.H, kPad) * kPad, state = s.layers * rows * padded * kFloat;
  Plan plan;
  plan.padded = static_cast<int>(padded);
  plan.states = take(2 * state);
  plan.c = take(s.states() * state);
  plan.bias = take(s.layers * sums * s.H * kFloat);
  plan.logits = take(rows * n.outputs() * kFloat);
  plan.grammar = take(rows * state_size * kFloat);
  plan.allowed = take(rows * n.vocabulary());
  plan.keys = take(rows * n.keys);
  plan.sounding = take(rows * ceil_div(n.keys, 32) * kFloat);
  plan.tokens = take(3 * rows * kFloat);
  plan.weights = take(0);
  const Index room = static_cast<Index>(cuda.properties().shared_memory_per_block), row = padded * kFloat;
  const Index matrix = s.gates() * s.H * row;
  for (; plan.matrices < 2 * s.layers - 1 && used + matrix <= room; used += matrix) ++plan.matrices;
  if (plan.matrices == 2 * s.layers - 1 && used < room)
    plan.head_rows = static_cast<int>(std::min(n.outputs(), (room - used) / row));
  used += plan.head_rows * row;
  plan.bytes = static_cast<int>(std::min<Index>(used, std::numeric_limits<int>::max()));
  return plan;
}

bool has_room(const Cuda& cuda, const Plan& plan) {
  return static_cast<std::size_t>(plan.bytes) <= cuda.properties().shared_memory_per_block;
}

template <class Cell>
void generate(Cuda& cuda, const GenerationNetwork& n, const GenerationState& state, const GenerationDraws& draws) {
  const auto plan_for = [&](Index rows) { return plan_of(cuda, n, draws.grammar ? state.grammar.columns() : 0, rows); };
  Loop loop;
  loop.wide = simt::is_wide(n.head_weight);
  for (const RecurrentLayer<const float>& layer : n.weights) {
    loop.wide = loop.wide && simt::is_wide(layer.weight_ih) && simt::is_wide(layer.weight_hh);
    loop.layers[loop.layer_count++] = {layer.weight_ih.data(), layer.weight_hh.data(), layer.bias_ih.data(),
                                       layer.bias_hh.data()};
  }
  loop.H = static_cast<int>(n.shape.H);
  loop.B = n.shape.B;
  loop.events = draws.events;
  loop.inputs = n.inputs;
  loop.head_weight = n.head_weight.data();
  loop.head_bias = n.head_bias.data();
  loop.length_values = n.length_values.data();
  loop.outputs = static_cast<int>(n.outputs());
  loop.keys = static_cast<int>(n.keys);
  loop.h = state.h;
  loop.c = state.c;
  loop.logits = state.logits;
  loop.grammar_state = state.grammar;
  loop.has_grammar = draws.grammar != nullptr;
  if (draws.grammar) loop.grammar = *draws.grammar;
  loop.sampling = draws.sampling;
  loop.key_sampling = draws.key_sampling();
  loop.stream = draws.stream;
  loop.first_row = draws.first_row;
  loop.tokens = draws.tokens;
  loop.drawn_keys = draws.keys;
  loop.drawn = draws.drawn.data();
  const Plan tile = plan_for(kTile);
  const bool tiled = n.shape.B > cuda.properties().multiprocessors && has_room(cuda, tile);
  loop.plan = tiled ? tile : plan_for(1);
  launch(cuda, Cell::kGenerate,
         {.grid = {ceil_div(n.shape.B, tiled ? kTile : 1)},
          .block = {32, kWarps},
          .shared_bytes = static_cast<std::size_t>(loop.plan.bytes)},
         tiled ? generate_streams<Cell, kTile> : generate_streams<Cell, 1>, loop);
}

}  // namespace
}  // namespace generation

bool generation_fits(const Cuda& cuda, const GenerationNetwork& n, const Grammar* grammar) {
  const auto contiguous = [](const auto& weights) { return weights.empty() || weights.contiguous(); };
  bool as_stored = contiguous(n.head_weight);
  for (const RecurrentLayer<const float>& layer : n.weights)
    as_stored = as_stored && contiguous(layer.weight_ih) && contiguous(layer.weight_hh);
  const generation::Plan plan = generation::plan_of(cuda, n, grammar ? grammar_state_size(*grammar) : 0, 1);
  return as_stored && n.shape.layers <= generation::kMostLayers && generation::has_room(cuda, plan);
}

void recurrent_generate(Cuda& cuda, const GenerationNetwork& network, const GenerationState& state,
                        const GenerationDraws& draws) {
  draws.check(network, state);
  require(generation_fits(cuda, network, draws.grammar),
          "the network's loop has no room on the card (generation_fits)");
  recurrent::with_cell<float>(network.shape.cell,
                              [&](auto cell) { generation::generate<decltype(cell)>(cuda, network, state, draws); });
}

}  // namespace polonaise::kernels
