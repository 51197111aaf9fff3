#pragma once

#include "tools/compare/results/results.h"
#include "tools/compare/study/options.h"
#include "tools/options/train_options.h"

namespace polonaise::tools {

// The options of the run that trains a combination for `seconds`: one recipe for all, but for what the combination
// itself decides, and for the batch, which makes of each step about as many targets.
TrainOptions train_options(const CompareOptions& options, const CombinationResult& result, double seconds);

}  // namespace polonaise::tools
