#include "tools/metrics/metrics_report.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace polonaise::tools {

Summary summarise(const std::vector<std::optional<double>>& values) {
  std::vector<double> defined;
  for (const std::optional<double>& value : values) {
    if (value) defined.push_back(*value);
  }
  Summary summary;
  summary.pieces = std::ssize(defined);
  if (defined.empty()) return summary;
  const auto count = static_cast<double>(defined.size());
  const double mean = std::accumulate(defined.begin(), defined.end(), 0.0) / count;
  double square = 0;
  for (const double value : defined) square += (value - mean) * (value - mean);
  summary.mean = mean;
  if (defined.size() > 1) summary.deviation = std::sqrt(square / (count - 1));
  summary.least = std::ranges::min(defined);
  summary.most = std::ranges::max(defined);
  return summary;
}

Summary summarise(const std::vector<io::PieceMetrics>& pieces, io::Metric metric) {
  std::vector<std::optional<double>> values;
  for (const io::PieceMetrics& piece : pieces) values.push_back(piece.scalar(metric));
  return summarise(values);
}

}  // namespace polonaise::tools
