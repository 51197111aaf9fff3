#include "kernels/cuda/host/launch.h"
#include "kernels/sampling/cuda/grammar.cuh"
#include "kernels/sampling/generation.h"

namespace polonaise::kernels {
namespace {

constexpr int kWarp = 32;  // does it all: a frame has about a hundred keys

struct Take {
  GenerationEvent event;
  bool has_grammar;
  Grammar grammar;
  std::int32_t *tokens, *drawn;
  std::uint8_t* keys;
  Index events;
};

__device__ bool goes_on(const Take& t, Index number) {
  if (*t.drawn != number || number >= t.events) return false;
  if (!t.event.token.empty() && t.event.token.data()[0] < 0) return false;
  if (!t.has_grammar) return true;
  const std::int32_t* const state = t.event.state.data();
  return state[GrammarState::kEnded] == 0 && (!t.event.token.empty() || grammar_allows_frame(t.grammar, state));
}

// The entries of a frame, whose length's column is the last.
__device__ void fill_row(const Take& t, bool goes) {
  const int lane = static_cast<int>(threadIdx.x), K = static_cast<int>(t.event.keys.size());
  std::int32_t* const columns = t.event.columns.data();
  float* const values = t.event.values.data();
  int size = 0;
  for (int first = 0; goes && first < K; first += kWarp) {
    const int key = first + lane;
    const bool sounds = key < K && t.event.keys.data()[key] != 0;
    const unsigned all = __ballot_sync(simt::kWholeWarp, sounds);
    if (sounds) {
      const int at = size + __popc(all & ((1u << lane) - 1));
      columns[at] = key;
      values[at] = 1;
    }
    size += __popc(all);
  }
  if (goes && !t.event.token.empty()) {
    if (lane == 0) {
      columns[size] = static_cast<std::int32_t>(t.event.length_column);
      values[size] = t.event.length_values.data()[t.event.token.data()[0]];
    }
    ++size;
  }
  for (int at = size + lane; at <= K; at += kWarp) {
    columns[at] = 0;
    values[at] = 0;
  }
  if (lane == 0) {
    t.event.offsets.data()[0] = 0;
    t.event.offsets.data()[1] = size;
  }
}

__global__ void take_event(Take t) {
  const int lane = static_cast<int>(threadIdx.x);
  const Index K = t.event.keys.size(), number = t.event.place->event;
  const std::int32_t token = t.event.token.empty() ? 0 : t.event.token.data()[0];
  const bool goes = goes_on(t, number);
  __syncwarp();  // all know before anything changes
  if (K > 0) fill_row(t, goes);
  if (goes) {
    for (Index k = lane; k < K; k += kWarp) t.keys[number * K + k] = t.event.keys.data()[k];
    if (t.has_grammar) grammar_take_row<kWarp>(t.grammar, token, t.event.state.data());
  }
  if (lane != 0) return;
  if (goes && !t.event.token.empty()) t.tokens[number] = token;
  if (goes) ++*t.drawn;
  if (K == 0) t.event.id.data()[0] = goes ? token : -1;
  ++t.event.place->step;
  ++t.event.place->event;
  ++t.event.place->position;
}

}  // namespace

void generation_take(Cuda& cuda, const GenerationDraws& draws, const GenerationEvent& event) {
  event.check(draws);
  const bool has_grammar = draws.grammar != nullptr;
  const Take take{.event = event,
                  .has_grammar = has_grammar,
                  .grammar = has_grammar ? *draws.grammar : Grammar(),
                  .tokens = draws.tokens.data(),
                  .drawn = draws.drawn.data(),
                  .keys = draws.keys.data(),
                  .events = draws.events};
  launch(cuda, "generation_take", {.grid = {1}, .block = {kWarp}}, take_event, take);
}

}  // namespace polonaise::kernels
