#pragma once

#include <span>

#include "io/data/batches.h"
#include "io/encodings/event_grammar.h"
#include "io/encodings/event_sequence.h"
#include "models/events.h"
#include "models/sampling/generate.h"

// Where io meets models: the same events in the words of each.
namespace polonaise::tools {

EventShape event_shape(const io::EventSpec& spec);

// The batch by reference: `batch` must outlive the result.
polonaise::Batch batch_view(const io::Batch& batch);

// A piece as what a sample goes on from, and back: what a model drew as events of an encoding.
Sequence to_sequence(const io::EventsView& events, const io::EventSpec& spec);
// What may be drawn after `opening`, whose frames have moved the clock.
GrammarArrays to_arrays(const io::Grammar& grammar, const io::EventsView& opening);
io::Events to_events(const Generated& generated, const io::EventSpec& spec);

}  // namespace polonaise::tools
