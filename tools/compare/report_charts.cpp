#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "tools/common/progress.h"
#include "tools/compare/chart.h"
#include "tools/compare/conclusion.h"
#include "tools/compare/report_parts.h"

namespace polonaise::tools {
namespace {

constexpr double kMostOfUnigram = 1.15;

bool several_devices(const Results& results) {
  return results.devices.size() > 1;
}

std::string chart_title(const Results& results, int seq, const std::string& device) {
  return fmt::format("Windows of {} events{}", seq, several_devices(results) ? " on " + device : "");
}

std::string all_svgs(const std::vector<Chart>& charts) {
  std::string out;
  for (const Chart& chart : charts) out += chart_svg(chart);
  return out;
}

// A chart of each length and device, all with the same axes.
std::string loss_charts(const Results& results, Axis axis) {
  std::vector<Chart> charts;
  for (const Readings& reading : readings_of(results)) {
    for (const int seq : lengths_of(results)) {
      Chart chart;
      chart.title = chart_title(results, seq, reading.device);
      chart.x_label = axis == Axis::targets ? "targets learned from" : "seconds of training";
      chart.y_label = results.unit;
      chart.log_x = true;
      for (const CombinationResult& c : results.combinations) {
        if (c.combination.seq != seq || c.combination.device != reading.device || c.curve.empty()) continue;
        ChartSeries series{display_name(c.combination.model), style_of(c.combination.model), {}, !c.judged()};
        for (const CurvePoint& point : c.curve) {
          series.points.emplace_back(axis == Axis::targets ? static_cast<double>(point.targets) : point.seconds,
                                     point.loss);
        }
        chart.series.push_back(std::move(series));
      }
      chart.across = {{results.course.unigram, "unigram"}, {results.course.bigram, "bigram"}};
      const Reading& read = axis == Axis::targets ? reading.data : reading.time;
      if (!read.entries.empty()) {
        chart.upright = {{read.at, axis == Axis::targets
                                       ? fmt::format("equal data: {}", format_count(std::llround(read.at)))
                                       : fmt::format("equal time: {}", format_duration(read.at))}};
      }
      charts.push_back(std::move(chart));
    }
  }
  const auto x = x_range_of(charts);
  auto y = y_range_of(charts);
  // Before it learned anything a model is far above what counting achieves, and nothing else would be seen.
  y.second = std::min(y.second, kMostOfUnigram * results.course.unigram);
  for (Chart& chart : charts) {
    chart.x_range = x;
    chart.y_range = y;
  }
  return all_svgs(charts);
}

Chart against_length(const Results& results, const std::string& device, const std::string& title,
                     const std::string& y_label, const std::function<double(const CombinationResult&)>& value) {
  Chart chart;
  chart.title = title + (several_devices(results) ? " on " + device : "");
  chart.x_label = "events in a window";
  chart.y_label = y_label;
  chart.log_x = chart.log_y = true;
  for (const int seq : lengths_of(results)) chart.x_ticks.push_back(seq);
  for (const std::string& model : models_of(results)) {
    ChartSeries series{display_name(model), style_of(model), {}};
    for (const CombinationResult& c : results.combinations) {
      if (c.combination.model != model || c.combination.device != device || !(value(c) > 0)) continue;
      series.points.emplace_back(c.combination.seq, value(c));
    }
    std::ranges::sort(series.points);
    if (!series.points.empty()) chart.series.push_back(std::move(series));
  }
  return chart;
}

}  // namespace

std::string legend(const Results& results) {
  std::vector<std::pair<std::string, int>> names;
  for (const std::string& model : models_of(results)) names.emplace_back(display_name(model), style_of(model));
  return chart_legend(names);
}

std::string data_charts(const Results& results) {
  return loss_charts(results, Axis::targets);
}

std::string time_charts(const Results& results) {
  return loss_charts(results, Axis::seconds);
}

std::string speed_charts(const Results& results) {
  std::vector<Chart> charts;
  for (const DeviceResult& device : results.devices) {
    charts.push_back(against_length(results, device.name, "Training", "targets a second",
                                    [](const CombinationResult& c) { return c.targets_per_second(); }));
    charts.push_back(against_length(results, device.name, "Sampling", "events a second",
                                    [](const CombinationResult& c) { return c.sampled_per_second; }));
  }
  return all_svgs(charts);
}

}  // namespace polonaise::tools
