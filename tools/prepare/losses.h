#pragma once

#include <span>
#include <string>

#include "tools/prepare/encode_sources.h"
#include "tools/prepare/sources.h"

namespace polonaise::tools {

// A table as CSV (RFC 4180) with a line for each source: file, split, notes, events, then of the encoding's losses each
// kind that occurs in any of them, and for chord encodings the chords and how many of them come back as they were.
std::string losses_csv(std::span<const Source> sources, std::span<const io::Split> splits, const Encoded& encoded);

}  // namespace polonaise::tools
