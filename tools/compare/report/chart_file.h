#pragma once

#include <string>

#include "tools/compare/report/chart.h"

namespace polonaise::tools {

// The chart as an SVG file of its own: with the report's colours, for light and dark, on paper of its own, and a legend
// beside it. The legend has each style once, by its first series' name, and last a dashed line with what dashes mean,
// where that is said.
std::string chart_file(const Chart& chart, const std::string& dashes_mean = "");

}  // namespace polonaise::tools
