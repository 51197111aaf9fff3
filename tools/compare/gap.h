#pragma once

#include <string>

#include "tools/compare/results.h"

namespace polonaise::tools {

// Losses on the two held-out splits that are further apart than this share of the lower are explained.
inline constexpr double kLargeGap = 0.05;

// Where the networks' losses at their end differ much between the split that their course was followed on and the test
// split: whether counting, fitted on the same training pieces, differs as much, so that the splits are different music,
// or not, so that it lies with the networks. "" where the gap is small, or the two are one split.
std::string gap_in_words(const Results& results);

}  // namespace polonaise::tools
