#pragma once

#include <string>

#include "tools/compare/results/results.h"

namespace polonaise::tools {

// Where the networks' losses at their end lie far apart (tools/training/split_gap.h) between the split that their
// course was followed on and the test split: whether counting, fitted on the same training pieces, differs as much, so
// that the splits are different music, or not, so that it lies with the networks. "" where they do not, or the two are
// one split.
std::string gap_in_words(const Results& results);

}  // namespace polonaise::tools
