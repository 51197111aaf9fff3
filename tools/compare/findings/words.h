#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/compare/results/network.h"
#include "tools/compare/results/results.h"

// How a comparison's findings are put into words.
namespace polonaise::tools {

// "RNN", "bidirectional LSTM": what a reader calls a model.
std::string display_name(std::string_view model);
// "LSTM on 48 events", with its size and seed where `results` has several.
std::string run_name(const Results& results, const Combination& combination);
std::string network_name(const Results& results, const Network& network);

// "validation" of "valid": what a reader calls a split.
std::string split_name(std::string_view split);

// "a, b and c"
std::string joined(std::vector<std::string> items);
// "8.500", and of several runs "8.500 (8.450 to 8.560)" or, within parentheses, "8.500, 8.450 to 8.560".
std::string with_range(const Spread& loss);
std::string with_range_within(const Spread& loss);
// "On cuda, with 20,000 parameters: ": of which networks something is said, where there are several such; else "".
std::string preamble(const Results& results, const Scope& scope);
// "1, 2 and 3"
std::string seeds_text(const Results& results);
// "20,000 and 80,000"
std::string all_sizes(const Results& results);

bool several_devices(const Results& results);
bool several_sizes(const Results& results);
bool several_seeds(const Results& results);

}  // namespace polonaise::tools
