#pragma once

#include <string>
#include <utility>
#include <vector>

namespace polonaise::tools {

// A line chart as inline SVG, whose colours the page's style gives: class sN for style N.
struct ChartSeries {
  std::string name;
  int style = 0;  // 0 to kChartStyles - 1: colour and marker
  std::vector<std::pair<double, double>> points;
  bool dashed = false;
  std::vector<std::pair<double, double>> whiskers = {};  // from where to where at each point; or none
  std::string note = {};                                 // in a corner, in its colour
};

struct ChartRule {
  double at = 0;
  std::string label;
};

inline constexpr double kChartWidth = 440, kChartHeight = 280;

struct Chart {
  std::string title;
  std::string x_label, y_label;
  bool log_x = false, log_y = false;
  std::vector<ChartSeries> series = {};
  std::vector<ChartRule> across = {};   // lines at values of y
  std::vector<ChartRule> upright = {};  // lines at values of x
  std::vector<double> x_ticks = {};     // where given, these instead of round numbers
  // Ranges to share with other charts; empty (low >= high) where the data's own.
  std::pair<double, double> x_range = {0, 0}, y_range = {0, 0};
};

// Points that are not finite, or not above 0 on a logarithmic axis, are left out. Without any point the chart says so.
// The title and a summary of the last values are its accessible name.
std::string chart_svg(const Chart& chart);

// The least range that holds all points of the charts along x or y.
std::pair<double, double> x_range_of(const std::vector<Chart>& charts);
std::pair<double, double> y_range_of(const std::vector<Chart>& charts);

// Style N's marker as an element of an SVG, centred at a place.
inline constexpr int kChartStyles = 6;
std::string chart_marker(int style, double x, double y);
// The series' names beside their markers, as a list.
std::string chart_legend(const std::vector<std::pair<std::string, int>>& names);

}  // namespace polonaise::tools
