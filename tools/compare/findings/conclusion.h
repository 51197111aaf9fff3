#pragma once

#include <string>

#include "tools/compare/results/results.h"

namespace polonaise::tools {

// The study's question answered in words with numbers: which architecture is best at equal data and at equal time,
// which are level with it, which never left the unigram and have no rank, and whether the bidirectional LSTM beats the
// LSTM at equal parameters. One paragraph for each device and size, apart from each other by an empty line; before
// them, of several sizes, which is best. Where nothing can be concluded it says what would change that.
std::string conclusion(const Results& results);

}  // namespace polonaise::tools
