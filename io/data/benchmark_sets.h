#pragma once

#include <filesystem>
#include <vector>

#include "io/data/corpus.h"
#include "kernels/events/events.h"

namespace polonaise::io {

// The piano-roll benchmark sets (JSB Chorales, Nottingham, MuseData, Piano-midi) as JSON lines: a sequence a line, an
// array of frames, each the array of sounding MIDI pitches, ascending and distinct in 21..108. Events are roll88's: key
// = pitch - 21.

// One file's sequences, in order. Read strictly: Error naming file and line for anything but the above (blank lines
// too).
std::vector<Events> read_rolls(const std::filesystem::path& path);

// train.jsonl, valid.jsonl and test.jsonl of a folder, divided as they are; pieces are named "train 1", ...
Corpus read_rolls_folder(const std::filesystem::path& folder);

}  // namespace polonaise::io
