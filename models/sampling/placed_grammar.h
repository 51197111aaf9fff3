#pragma once

#include <vector>

#include "kernels/events/event_grammar.h"
#include "kernels/events/events.h"
#include "kernels/sampling/grammar.h"
#include "runtime/device/memory.h"

namespace polonaise {

// ContractError where the grammar is not one of these events.
void check_grammar(const EventGrammar& grammar, const EventShape& events);

// A grammar where kernels of a device read it, after an opening whose frames have moved the clock. Its clock has 31
// bits.
class PlacedGrammar {
 public:
  PlacedGrammar(AnyDevice& device, const EventGrammar& grammar, const EventsView& opening);
  const kernels::Grammar& view() const { return view_; }

 private:
  std::vector<Buffer> memory_;
  kernels::Grammar view_;
};

}  // namespace polonaise
