#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/data/dataset.h"
#include "io/midi/score.h"
#include "kernels/events/events.h"

namespace polonaise::tools {

// What samples go on from, and how the music really goes on where that is known.
struct Opening {
  std::string key;    // "polonaise", "held-out": part of file names
  std::string title;  // for the reader
  Events events;
  double seconds = 0;  // how long it sounds
  // The opening and `steps` events more of the real piece, as the encoding has it; these are its Score::continuation.
  std::optional<io::Score> continuation;
};

// The opening of the Polonaise Op. 53, with `reference` (may be empty) as the score to continue it; and as many events
// of the held-out piece that has most of them, where one goes on after that. Throws io::Error for a reference that
// cannot be read, or is no longer than the opening.
std::vector<Opening> find_openings(const io::Dataset& data, const std::filesystem::path& reference, std::int64_t steps);

// A piece's first `opening` events and `steps` more, which are its Score::continuation: as long as a sample, and
// measured from where a sample's drawing begins. A piece of no more than the opening has no continuation.
io::Score beginning(const io::Encoding& encoding, const EventsView& piece, std::int64_t opening, std::int64_t steps);

}  // namespace polonaise::tools
