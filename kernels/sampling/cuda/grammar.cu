#include "kernels/sampling/grammar.h"

#include "kernels/cuda/device/matrix.cuh"
#include "kernels/cuda/host/context.h"
#include "kernels/cuda/host/launch.h"
#include "kernels/sampling/cuda/grammar.cuh"

namespace polonaise::kernels {
namespace {

constexpr int kWarp = 32;  // takes a row

__global__ void start_rows(Grammar grammar, View<std::int32_t, 2> state) {
  std::int32_t* const row = state.row(blockIdx.x);
  for (Index i = threadIdx.x; i < state.columns(); i += kWarp) {
    const Index counter = i - GrammarState::kCounters;
    row[i] = counter >= 0 && counter < grammar.counters.size() ? grammar.counters.data()[counter].start : 0;
  }
  __syncwarp();
  if (threadIdx.x != 0) return;
  row[GrammarState::kAutomaton] = grammar.start;
  row[GrammarState::kClock] = grammar.start_clock;
  row[GrammarState::kEnded] = grammar_has_ended(grammar, row);
}

__global__ void mask_rows(Grammar grammar, View<const std::int32_t, 2> state, View<std::uint8_t, 2> allowed) {
  const Index r = row_of_thread();
  if (r >= allowed.rows()) return;
  for (Index v = first_column(); v < allowed.columns(); v += column_step())
    allowed.row(r)[v] = grammar_allows(grammar, state.row(r), v);
}

__global__ void take_rows(Grammar grammar, const std::int32_t* tokens, View<std::int32_t, 2> state) {
  const Index r = blockIdx.x, token = tokens == nullptr ? 0 : tokens[r];
  if (token < 0 || (tokens != nullptr && token >= grammar.vocabulary())) return;
  grammar_take_row<kWarp>(grammar, token, state.row(r));
}

}  // namespace

void grammar_start(Cuda& cuda, const Grammar& grammar, View<std::int32_t, 2> state) {
  grammar.check(state);
  launch(cuda, "grammar_start", {.grid = {state.rows()}, .block = {kWarp}}, start_rows, grammar, state);
}

void grammar_mask(Cuda& cuda, const Grammar& grammar, View<const std::int32_t, 2> state,
                  View<std::uint8_t, 2> allowed) {
  grammar.check(state, allowed);
  launch(cuda, "grammar_mask", over_matrix(allowed.rows(), allowed.columns()), mask_rows, grammar, state, allowed);
}

void grammar_take(Cuda& cuda, const Grammar& grammar, View<const std::int32_t, 1> tokens, View<std::int32_t, 2> state) {
  grammar.check(tokens, state);
  launch(cuda, "grammar_take", {.grid = {state.rows()}, .block = {kWarp}}, take_rows, grammar, tokens.data(), state);
}

}  // namespace polonaise::kernels
