#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/dataset.h"
#include "tools/compare/results/results.h"

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

// Measures every piece of music that `results` names (files below `folder`) from where drawing began, the real
// continuations from the same place, and compares it with the training pieces, each once however often it was
// transposed; likewise the held-out pieces, from the end of their first `opening` events on for `steps` events, as the
// yardstick (one that ends before whole); and each model's samples with these as sets. Where a sample does not say
// where drawing began, as in a comparison that an earlier version began, all are measured whole.
void judge(const io::Dataset& data, const std::filesystem::path& folder, std::int64_t opening, std::int64_t steps,
           Results& results);

}  // namespace polonaise::tools
