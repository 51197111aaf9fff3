#pragma once

#include <string>
#include <string_view>

#include "tools/compare/results.h"

namespace polonaise::tools {

// "RNN", "bidirectional LSTM": what a reader calls a model.
std::string display_name(std::string_view model);

// The study's question answered in words with numbers, as one paragraph: which architecture is best at equal data and
// at equal time, and whether the bidirectional LSTM beats the LSTM at equal parameters. Where nothing can be concluded
// it says what would change that.
std::string conclusion(const Results& results);

// What has no part in the conclusion, and why; and how far the rest may be trusted.
std::string reservations(const Results& results);

}  // namespace polonaise::tools
