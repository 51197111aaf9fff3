#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/dataset.h"
#include "tools/compare/results.h"

namespace polonaise::tools {

// The metrics (of io/metrics) that the report shows and compares, in its order; all of one value a piece.
struct ShownMetric {
  std::string_view name;    // as in results.json
  std::string_view title;   // heads a column
  std::string_view digits;  // how fmt writes a value
};
const std::vector<ShownMetric>& shown_metrics();

// What the name of a training piece says without its transposition and tempo: "song" of "song +3 x1.1".
std::string base_name(std::string_view name);

// Measures every piece of music that `results` names (files below `folder`) and compares it with the training pieces,
// each once however often it was transposed; likewise the held-out pieces, cut to `events` events, as the yardstick;
// and each model's samples with these as sets.
void judge(const io::Dataset& data, const std::filesystem::path& folder, std::int64_t events, Results& results);

}  // namespace polonaise::tools
