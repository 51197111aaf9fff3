#pragma once

#include <string>
#include <vector>

#include "tools/compare/results/network.h"

namespace polonaise::tools {

// Whether the bidirectional LSTM beats the LSTM at equal parameters, in a sentence; "" where not both are compared.
std::string bidirectional_text(const std::vector<Network>& networks, double unigram);

}  // namespace polonaise::tools
