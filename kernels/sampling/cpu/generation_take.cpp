#include "kernels/sampling/generation.h"

#include <algorithm>

#include "kernels/sampling/grammar_rules.h"

namespace polonaise::kernels {
namespace {

bool goes_on(const GenerationDraws& draws, const GenerationEvent& event) {
  if (draws.drawn.data()[0] != event.place->event || event.place->event >= draws.events) return false;
  if (!event.token.empty() && event.token.data()[0] < 0) return false;
  if (draws.grammar == nullptr) return true;
  const std::int32_t* const state = event.state.data();
  return state[GrammarState::kEnded] == 0 && (!event.token.empty() || grammar_allows_frame(*draws.grammar, state));
}

// The entries of a frame, whose length's column is the last.
Index fill_row(const GenerationEvent& event) {
  Index size = 0;
  const auto add = [&](Index column, float value) {
    event.columns.data()[size] = static_cast<std::int32_t>(column);
    event.values.data()[size++] = value;
  };
  const Index K = event.keys.size();
  for (Index k = 0; k < K; ++k)
    if (event.keys.data()[k] != 0) add(k, 1);
  if (!event.token.empty()) add(event.length_column, event.length_values.data()[event.token.data()[0]]);
  return size;
}

}  // namespace

void generation_take(Cpu& cpu, const GenerationDraws& draws, const GenerationEvent& event) {
  event.check(draws);
  GenerationPlace* const place = event.place;
  const Index K = event.keys.size();
  const bool goes = goes_on(draws, event);
  if (goes) {
    if (!event.token.empty()) draws.tokens.data()[place->event] = event.token.data()[0];
    std::copy_n(event.keys.data(), K, draws.keys.data() + place->event * K);
    if (draws.grammar != nullptr) grammar_take(cpu, *draws.grammar, event.token, event.state);
    ++draws.drawn.data()[0];
  }
  if (K > 0) {
    const Index size = goes ? fill_row(event) : 0;
    std::fill(event.columns.data() + size, event.columns.data() + K + 1, 0);
    std::fill(event.values.data() + size, event.values.data() + K + 1, 0.0f);
    event.offsets.data()[0] = 0;
    event.offsets.data()[1] = static_cast<std::int32_t>(size);
  } else {
    event.id.data()[0] = goes ? event.token.data()[0] : -1;
  }
  ++place->step;
  ++place->event;
  ++place->position;
}

}  // namespace polonaise::kernels
