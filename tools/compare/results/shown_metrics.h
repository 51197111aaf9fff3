#pragma once

#include <string_view>
#include <vector>

namespace polonaise::tools {

// The metrics (of io/metrics) that the report shows and compares, in its order; all of one value a piece.
struct ShownMetric {
  std::string_view name;    // as in results.json
  std::string_view title;   // heads a column
  std::string_view digits;  // how fmt writes a value
};
const std::vector<ShownMetric>& shown_metrics();

}  // namespace polonaise::tools
