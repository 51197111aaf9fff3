#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "tools/compare/findings/words.h"
#include "tools/compare/report/chart.h"
#include "tools/compare/report/report_parts.h"
#include "tools/jobs/progress.h"

namespace polonaise::tools {
namespace {

constexpr double kMostOfUnigram = 1.15;

std::string all_svgs(const std::vector<Chart>& charts) {
  std::string out;
  for (const Chart& chart : charts) out += chart_svg(chart);
  return out;
}

// A network's course, with whiskers where there are several seeds.
ChartSeries series_of(const Results& results, const Network& network, Axis axis) {
  const std::string& model = network.combination().model;
  const bool stuck = network.judged() && network.never_left(results.course.unigram);
  ChartSeries series{display_name(model), style_of(model), {}, !network.judged() || stuck};
  if (stuck) series.note = series.name + " never left the unigram";
  for (const CoursePoint& point : course_of(network, axis)) {
    series.points.emplace_back(point.at, point.loss.mean);
    if (network.runs.size() > 1) series.whiskers.emplace_back(point.loss.least, point.loss.greatest);
  }
  return series;
}

// Losses that counting achieves and, where one is given, the one to reach.
std::vector<ChartRule> loss_rules(const Results& results) {
  std::vector<ChartRule> rules = {{results.course.unigram, "unigram"}, {results.course.bigram, "bigram"}};
  if (results.target_loss > 0) rules.push_back({results.target_loss, fmt::format("target {}", results.target_loss)});
  return rules;
}

std::string place_text(Axis axis, double at) {
  return axis == Axis::targets ? fmt::format("equal data: {}", format_count(std::llround(at)))
                               : fmt::format("equal time: {}", format_duration(at));
}

// A chart of each length, size and device, all with the same axes.
std::string loss_charts(const Results& results, Axis axis) {
  std::vector<Chart> charts;
  for (const Readings& reading : readings_of(results)) {
    for (const int seq : lengths_of(results)) {
      Chart chart;
      chart.title = fmt::format("Windows of {} events{}", seq, of_scope(results, reading.scope));
      chart.x_label = axis == Axis::targets ? "targets learned from" : "seconds of training";
      chart.y_label = results.unit;
      chart.log_x = true;
      for (const Network& network : networks_of(results, reading.scope)) {
        if (network.combination().seq != seq) continue;
        ChartSeries series = series_of(results, network, axis);
        if (!series.points.empty()) chart.series.push_back(std::move(series));
      }
      chart.across = loss_rules(results);
      const Reading& read = axis == Axis::targets ? reading.data : reading.time;
      if (!read.entries.empty()) chart.upright = {{read.at, place_text(axis, read.at)}};
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

// A model's values over lengths or sizes, with whiskers where there are several seeds.
ChartSeries series_of(const std::string& model, std::vector<std::pair<double, Spread>> points) {
  std::ranges::sort(points, {}, &std::pair<double, Spread>::first);
  ChartSeries series{display_name(model), style_of(model), {}};
  for (const auto& [at, value] : points) {
    series.points.emplace_back(at, value.mean);
    if (value.runs > 1) series.whiskers.emplace_back(value.least, value.greatest);
  }
  return series;
}

Chart against_length(const Results& results, const Scope& scope, const std::string& title, const std::string& y_label,
                     const std::function<std::optional<Spread>(const Network&)>& value) {
  Chart chart;
  chart.title = title + of_scope(results, scope);
  chart.x_label = "events in a window";
  chart.y_label = y_label;
  chart.log_x = chart.log_y = true;
  for (const int seq : lengths_of(results)) chart.x_ticks.push_back(seq);
  for (const std::string& model : models_of(results)) {
    std::vector<std::pair<double, Spread>> points;
    for (const Network& network : networks_of(results, scope)) {
      const auto spread = value(network);
      if (network.combination().model == model && spread) points.emplace_back(network.combination().seq, *spread);
    }
    if (!points.empty()) chart.series.push_back(series_of(model, std::move(points)));
  }
  return chart;
}

// Each model's best length at each size, over the parameters that it really has.
Chart against_size(const Results& results, const std::string& device, Axis axis) {
  const Reading reading = read_off(judged(networks_on(results, device)), axis, results.course.unigram);
  Chart chart;
  chart.title = fmt::format("At equal {}{}", axis == Axis::targets ? "data" : "time",
                            several_devices(results) ? " on " + device : "");
  if (!reading.entries.empty()) {
    chart.title += axis == Axis::targets ? fmt::format(", {} targets", format_count(std::llround(reading.at)))
                                         : fmt::format(", {} of training", format_duration(reading.at));
  }
  chart.x_label = "parameters";
  chart.y_label = results.unit;
  chart.log_x = true;
  for (const std::int64_t size : results.parameters) chart.x_ticks.push_back(static_cast<double>(size));
  chart.across = loss_rules(results);
  for (const std::string& model : models_of(results)) {
    std::vector<std::pair<double, Spread>> points;
    for (const std::int64_t size : results.parameters) {
      const Reading::Entry* best = reading.best_of(model, size);
      if (best != nullptr) points.emplace_back(best->network.size().parameters, best->loss);
    }
    if (!points.empty()) chart.series.push_back(series_of(model, std::move(points)));
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

std::string sizes_charts(const Results& results) {
  std::vector<Chart> charts;
  for (const DeviceResult& device : results.devices) {
    for (const Axis axis : {Axis::targets, Axis::seconds}) charts.push_back(against_size(results, device.name, axis));
  }
  const auto y = y_range_of(charts);
  for (Chart& chart : charts) chart.y_range = y;
  return all_svgs(charts);
}

std::string speed_charts(const Results& results) {
  std::vector<Chart> charts;
  for (const Scope& scope : scopes_of(results)) {
    charts.push_back(against_length(results, scope, "Training", "targets a second", &Network::targets_per_second));
    charts.push_back(against_length(results, scope, "Sampling", "events a second", &Network::sampled_per_second));
  }
  return all_svgs(charts);
}

}  // namespace polonaise::tools
