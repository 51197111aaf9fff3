#include "tools/compare/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/compare/report/html.h"

namespace polonaise::tools {
namespace {

constexpr double kLeft = 58, kRight = 14, kTop = 30, kBottom = 46;

struct Axis {
  double low = 0, high = 1;
  bool log = false;
  double from = 0, to = 1;  // pixels

  double operator()(double value) const {
    const auto scale = [&](double v) { return log ? std::log(v) : v; };
    return from + (scale(value) - scale(low)) / (scale(high) - scale(low)) * (to - from);
  }
  bool shows(double value) const { return std::isfinite(value) && (!log || value > 0); }
};

using Range = std::pair<double, double>;

Range range_of(const Chart& chart, bool along_x) {
  Range range = {std::numeric_limits<double>::max(), std::numeric_limits<double>::lowest()};
  const bool log = along_x ? chart.log_x : chart.log_y;
  const auto add = [&](double value) {
    if (!std::isfinite(value) || (log && value <= 0)) return;
    range = {std::min(range.first, value), std::max(range.second, value)};
  };
  for (const ChartSeries& series : chart.series) {
    for (const auto& [x, y] : series.points) add(along_x ? x : y);
    if (along_x) continue;
    for (const auto& [low, high] : series.whiskers) {
      add(low);
      add(high);
    }
  }
  for (const ChartRule& rule : along_x ? chart.upright : chart.across) add(rule.at);
  return range;
}

Range range_of(const std::vector<Chart>& charts, bool along_x) {
  Range range = {std::numeric_limits<double>::max(), std::numeric_limits<double>::lowest()};
  for (const Chart& chart : charts) {
    const Range own = range_of(chart, along_x);
    range = {std::min(range.first, own.first), std::max(range.second, own.second)};
  }
  return range;
}

// Room around a range, and something to divide by where it is a point.
Range widened(Range range, bool log) {
  if (range.first > range.second) return {1, 10};
  if (log) {
    const double room = std::max(std::pow(range.second / range.first, 0.05), 1.05);
    return {range.first / room, range.second * room};
  }
  const double room = std::max(0.06 * (range.second - range.first), 0.01 * std::abs(range.second) + 1e-9);
  return {range.first - room, range.second + room};
}

std::vector<double> round_ticks(const Axis& axis) {
  std::vector<double> ticks;
  if (axis.log) {
    const bool sparse = axis.high / axis.low > 300;
    for (double decade = std::pow(10, std::floor(std::log10(axis.low))); decade <= axis.high; decade *= 10) {
      for (const double step : {1.0, 2.0, 5.0}) {
        if (sparse && step > 1) continue;
        if (decade * step >= axis.low && decade * step <= axis.high) ticks.push_back(decade * step);
      }
    }
    // Within one of these steps equal ones do as well.
    if (ticks.size() > 1) return ticks;
    ticks.clear();
  }
  const double rough = (axis.high - axis.low) / 5;
  const double decade = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * decade;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * decade >= rough) step = factor * decade;
  }
  for (double tick = std::ceil(axis.low / step) * step; tick <= axis.high; tick += step) ticks.push_back(tick);
  return ticks;
}

std::string tick_text(double value) {
  if (std::abs(value) >= 1000) {
    std::string text = fmt::format("{:g}", value / (std::abs(value) >= 999'999.5 ? 1e6 : 1e3));
    return text + (std::abs(value) >= 999'999.5 ? " M" : " k");
  }
  return fmt::format("{:g}", std::abs(value) < 1e-12 ? 0 : std::round(value * 1e6) / 1e6);
}

std::string label_of(const Chart& chart) {
  std::string label = chart.title + ", " + chart.y_label + " against " + chart.x_label + ".";
  for (const ChartSeries& series : chart.series) {
    if (series.points.empty()) continue;
    label += fmt::format(" {}: last {} at {}{}.", series.name, number(series.points.back().second, "{:.4g}"),
                         number(series.points.back().first, "{:.4g}"), series.note.empty() ? "" : ", " + series.note);
  }
  return label;
}

class Drawing {
 public:
  explicit Drawing(const Chart& chart) : chart_(chart) {
    const auto axis = [&](bool along_x, Range given, double from, double to) {
      const bool log = along_x ? chart.log_x : chart.log_y;
      const Range range = widened(given.first < given.second ? given : range_of(chart, along_x), log);
      return Axis{range.first, range.second, log, from, to};
    };
    x_ = axis(true, chart.x_range, kLeft, kChartWidth - kRight);
    y_ = axis(false, chart.y_range, kChartHeight - kBottom, kTop);
  }

  std::string draw() {
    out_ = fmt::format("<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", kChartWidth,
                       kChartHeight, escape_html(label_of(chart_)));
    out_ += fmt::format("<text class=\"chart-title\" x=\"{}\" y=\"16\">{}</text>\n", kLeft, escape_html(chart_.title));
    grid();
    for (const ChartRule& rule : chart_.across) across(rule);
    for (const ChartRule& rule : chart_.upright) upright(rule);
    bool any = false;
    for (const ChartSeries& series : chart_.series) any |= line(series);
    if (!any) {
      out_ += fmt::format("<text class=\"tick\" text-anchor=\"middle\" x=\"{}\" y=\"{}\">nothing was measured</text>\n",
                          (kLeft + kChartWidth - kRight) / 2, kChartHeight / 2);
    }
    return out_ + "</svg>\n";
  }

 private:
  void grid() {
    const double bottom = kChartHeight - kBottom, right = kChartWidth - kRight;
    for (const double tick : chart_.x_ticks.empty() ? round_ticks(x_) : chart_.x_ticks) {
      if (!x_.shows(tick) || tick < x_.low || tick > x_.high) continue;
      out_ += fmt::format(
          "<path class=\"grid\" d=\"M{0:.1f} {1}V{2}\"/><text class=\"tick\" text-anchor=\"middle\" x=\"{0:.1f}\" "
          "y=\"{3}\">{4}</text>\n",
          x_(tick), kTop, bottom, bottom + 16, tick_text(tick));
    }
    for (const double tick : round_ticks(y_)) {
      out_ += fmt::format(
          "<path class=\"grid\" d=\"M{0} {1:.1f}H{2}\"/><text class=\"tick\" text-anchor=\"end\" x=\"{3}\" "
          "y=\"{4:.1f}\">{5}</text>\n",
          kLeft, y_(tick), right, kLeft - 6, y_(tick) + 4, tick_text(tick));
    }
    out_ += fmt::format("<path class=\"axis\" d=\"M{0} {1}V{2}H{3}\"/>\n", kLeft, kTop, bottom, right);
    out_ += fmt::format("<text class=\"label\" text-anchor=\"middle\" x=\"{}\" y=\"{}\">{}</text>\n",
                        (kLeft + right) / 2, kChartHeight - 8, escape_html(chart_.x_label));
    out_ += fmt::format(
        "<text class=\"label\" text-anchor=\"middle\" transform=\"translate(13 {}) rotate(-90)\">{}</text>\n",
        (kTop + bottom) / 2, escape_html(chart_.y_label));
  }

  void across(const ChartRule& rule) {
    if (!y_.shows(rule.at) || rule.at < y_.low || rule.at > y_.high) return;
    const double y = y_(rule.at);
    out_ += fmt::format(
        "<path class=\"rule\" d=\"M{0} {1:.1f}H{2}\"/><text class=\"rule-label\" text-anchor=\"end\" x=\"{2}\" "
        "y=\"{3:.1f}\">{4}</text>\n",
        kLeft, y, kChartWidth - kRight, y - 4, escape_html(rule.label));
  }

  void upright(const ChartRule& rule) {
    if (!x_.shows(rule.at) || rule.at < x_.low || rule.at > x_.high) return;
    const double x = x_(rule.at);
    const bool left = x > kChartWidth / 2;
    out_ += fmt::format(
        "<path class=\"rule\" d=\"M{0:.1f} {1}V{2}\"/><text class=\"rule-label\" text-anchor=\"{3}\" x=\"{4:.1f}\" "
        "y=\"{5}\">{6}</text>\n",
        x, kTop, kChartHeight - kBottom, left ? "end" : "start", left ? x - 4 : x + 4, kTop + 10,
        escape_html(rule.label));
  }

  // What lies outside the ranges is cut off at the frame.
  bool line(const ChartSeries& series) {
    std::string path, whiskers, markers;
    for (std::size_t i = 0; i < series.points.size(); ++i) {
      const auto [x, y] = series.points[i];
      if (!x_.shows(x) || !y_.shows(y)) continue;
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x_(x), y_(y));
      const bool inside = x >= x_.low && x <= x_.high && y >= y_.low && y <= y_.high;
      if (!inside) continue;
      markers += chart_marker(series.style, x_(x), y_(y));
      if (i < series.whiskers.size()) whiskers += whisker(x, series.whiskers[i]);
    }
    if (path.empty()) return false;
    if (!whiskers.empty()) whiskers = fmt::format("<path class=\"whisker\" d=\"{}\"/>", whiskers);
    out_ += fmt::format(
        "<g class=\"s{0}\"><title>{1}</title><svg x=\"{2}\" y=\"{3}\" width=\"{4}\" height=\"{5}\" viewBox=\"{2} {3} "
        "{4} "
        "{5}\">{9}<path class=\"line{6}\" d=\"{7}\"/></svg>{8}{10}</g>\n",
        series.style, escape_html(series.name), kLeft, kTop, kChartWidth - kLeft - kRight,
        kChartHeight - kTop - kBottom, series.dashed ? " dashed" : "", path, markers, whiskers, note_of(series));
    return true;
  }

  // An upright line with a short stroke at each end.
  std::string whisker(double x, const std::pair<double, double>& range) const {
    if (!y_.shows(range.first) || !y_.shows(range.second) || range.first == range.second) return "";
    return fmt::format("M{0:.1f} {1:.1f}V{2:.1f}m-2.5 0h5M{3:.1f} {1:.1f}h5", x_(x), y_(range.first), y_(range.second),
                       x_(x) - 2.5);
  }

  // In the corner below on the left, where losses that fall leave room, one above the other.
  std::string note_of(const ChartSeries& series) {
    if (series.note.empty()) return "";
    return fmt::format("<text class=\"series-note\" x=\"{}\" y=\"{}\">{}</text>", kLeft + 6,
                       kChartHeight - kBottom - 8 - 14 * notes_++, escape_html(series.note));
  }

  const Chart& chart_;
  Axis x_, y_;
  int notes_ = 0;  // drawn so far
  std::string out_;
};

}  // namespace

std::string chart_svg(const Chart& chart) {
  return Drawing(chart).draw();
}

std::pair<double, double> x_range_of(const std::vector<Chart>& charts) {
  return range_of(charts, true);
}
std::pair<double, double> y_range_of(const std::vector<Chart>& charts) {
  return range_of(charts, false);
}

std::string chart_marker(int style, double x, double y) {
  switch (style) {
    case 0:
      return fmt::format("<circle class=\"dot\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.6\"/>", x, y);
    case 1:
      return fmt::format("<path class=\"dot\" d=\"M{:.1f} {:.1f}h5v5h-5z\"/>", x - 2.5, y - 2.5);
    case 2:
      return fmt::format("<path class=\"dot\" d=\"M{:.1f} {:.1f}l3.2 5.4h-6.4z\"/>", x, y - 3.4);
    case 3:
      return fmt::format("<path class=\"dot\" d=\"M{:.1f} {:.1f}l3.4 3.4l-3.4 3.4l-3.4 -3.4z\"/>", x, y - 3.4);
    case 4:
      return fmt::format("<path class=\"dot cross\" d=\"M{:.1f} {:.1f}l5 5m0 -5l-5 5\"/>", x - 2.5, y - 2.5);
    default:
      return fmt::format("<path class=\"dot cross\" d=\"M{:.1f} {:.1f}v6m-3 -3h6\"/>", x, y - 3);
  }
}

std::string chart_legend(const std::vector<std::pair<std::string, int>>& names) {
  std::string out = "<ul class=\"legend\">";
  for (const auto& [name, style] : names) {
    out += fmt::format(
        "<li><svg class=\"s{0}\" viewBox=\"0 0 26 12\" width=\"26\" height=\"12\" aria-hidden=\"true\"><path "
        "class=\"line\" "
        "d=\"M1 6h24\"/>{1}</svg>{2}</li>",
        style, chart_marker(style, 13, 6), escape_html(name));
  }
  return out + "</ul>\n";
}

}  // namespace polonaise::tools
