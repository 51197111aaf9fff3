#pragma once

#include <cstdint>
#include <vector>

#include "io/baselines/baselines.h"
#include "io/data/dataset.h"
#include "tools/training/evaluate.h"

namespace polonaise::tools {

// Events that no model trains on, the same for all that are compared: the beginnings of a split's pieces.
struct HeldOut {
  io::Split split = io::Split::valid;
  std::vector<EventsView> pieces;
  std::int64_t events = 0;
};

// `split`, or `otherwise` where that has no events.
io::Split split_or(const io::Dataset& data, io::Split split, io::Split otherwise);

// The first events of each piece of the split, or of `otherwise` where that is empty: as many of each, or all it has,
// as make at most `events` in all, and one of each at least. Throws io::Error where both splits are empty.
HeldOut held_out(const io::Dataset& data, io::Split split, io::Split otherwise, std::int64_t events);

// Nats per event.
double mean_loss(Scorer& scorer, const HeldOut& held_out);
io::Baselines baselines_of(const io::Dataset& data, const HeldOut& held_out);

}  // namespace polonaise::tools
