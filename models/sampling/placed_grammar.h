#pragma once

#include <cstdint>
#include <vector>

#include "kernels/sampling/grammar.h"
#include "models/events.h"
#include "runtime/device/memory.h"

namespace polonaise {

// A grammar of a model's events in host memory; kernels/sampling/grammar.h says what its members mean. Models know no encoding.
struct GrammarArrays {
  Index vocabulary = 0, states = 0;       // V; 0: frames without a length
  std::vector<std::int32_t> next, ticks;  // [S*V]
  std::vector<std::uint8_t> drawable;     // [V]
  std::vector<kernels::GrammarCounter> counters;
  std::vector<std::int32_t> first_change;  // [V+1], or empty without counters
  std::vector<kernels::GrammarChange> changes;
  std::int32_t start = 0;
  std::int32_t start_clock =
      0;  // of frames: where the opening has left the clock; an opening of tokens moves it itself
  std::int32_t end = -1;
  std::int32_t end_counter = -1;
  std::int32_t frame_ticks = 0;
  std::vector<std::uint8_t> key_drawable;  // [K], or empty
  int max_keys = 0;
};

// ContractError where the grammar is not one of these events.
void check_grammar(const GrammarArrays& grammar, const EventShape& events);

// Its arrays where kernels of a device read them.
class PlacedGrammar {
 public:
  PlacedGrammar(AnyDevice& device, const GrammarArrays& arrays);
  const kernels::Grammar& view() const { return view_; }

 private:
  std::vector<Buffer> memory_;
  kernels::Grammar view_;
};

}  // namespace polonaise
