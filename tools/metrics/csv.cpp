#include <fmt/format.h>

#include "io/midi/meter.h"
#include "tools/metrics/metrics_report.h"

namespace polonaise::tools {
namespace {

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string field(const std::optional<double>& value) {
  return value ? fmt::format(",{}", *value) : ",";
}

std::string headline(const Report& report) {
  std::string line = "piece,notes";
  for (const io::MetricInfo& info : io::metric_table()) {
    if (info.size == 1) line += fmt::format(",{}", info.name);
  }
  if (!report.set.compat.empty()) {
    for (const auto& [name, value] : report.set.compat.front()) line += fmt::format(",{}.{}", report.compat, name);
  }
  if (!report.set.novelty.empty()) {
    for (const char* kind : {"transposed", "exact"}) {
      line += fmt::format(",{0}_longest,{0}_source,{0}_source_bar,{0}_bar", kind);
      for (const int threshold : io::kNoveltyThresholds) line += fmt::format(",{}_share_{}", kind, threshold);
    }
  }
  return line + ",measured_from_bar\n";
}

}  // namespace

std::string as_csv(const Report& report) {
  const MeasuredSet& set = report.set;
  std::string out = headline(report);
  for (std::size_t i = 0; i < set.pieces.scores.size(); ++i) {
    out += fmt::format("{},{}", quoted(set.pieces.scores[i].name), set.metrics[i].notes);
    for (const io::MetricInfo& info : io::metric_table()) {
      if (info.size == 1) out += field(set.metrics[i].scalar(info.metric));
    }
    if (!set.compat.empty()) {
      for (const auto& [name, value] : set.compat[i]) out += field(value);
    }
    if (!set.novelty.empty()) {
      for (const io::Copied* copied : {&set.novelty[i].transposed, &set.novelty[i].exact}) {
        out += fmt::format(",{},{}", copied->longest, quoted(copied->source));
        out += copied->longest > 0 ? fmt::format(",{},{}", copied->source_bar, copied->bar) : ",,";
        for (const double share : copied->share) out += fmt::format(",{}", share);
      }
    }
    const io::Score& score = set.pieces.scores[i].score;
    out += score.continuation ? fmt::format(",{}\n", io::Meter(score).bar(*score.continuation) + 1) : ",\n";
  }
  return out;
}

}  // namespace polonaise::tools
