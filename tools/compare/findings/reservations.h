#pragma once

#include <string>

#include "tools/compare/results/results.h"

namespace polonaise::tools {

// What has no part in the conclusion, and why; and how far the rest may be trusted.
std::string reservations(const Results& results);

}  // namespace polonaise::tools
