#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/dataset.h"
#include "tools/compare/results/results.h"

namespace polonaise::tools {

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
