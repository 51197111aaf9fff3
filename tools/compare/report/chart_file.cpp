#include "tools/compare/report/chart_file.h"

#include <fmt/format.h>

#include <set>
#include <string_view>

#include "tools/compare/report/html.h"

namespace polonaise::tools {
namespace {

constexpr double kMargin = 8, kLegendWidth = 156, kEntry = 19;
constexpr double kWidth = kMargin + kChartWidth + kLegendWidth, kHeight = kChartHeight + 2 * kMargin;
constexpr double kScale = 1.3;  // what a unit is on a page

// What page/report.css says of charts, without variables, which viewers outside browsers do not know.
constexpr std::string_view kStyle = R"(<style>
svg { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
.paper { fill: #ffffff; }
text { fill: #1f1d1a; }
.chart-title { font-size: 13px; font-weight: 600; }
.tick, .label, .rule-label, .name, .series-note { font-size: 11.5px; }
.tick, .label, .rule-label { fill: #5d5850; font-variant-numeric: tabular-nums; }
.series-note { fill: currentColor; }
.rule-label, .series-note { paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }
.grid { stroke: #d9d4c9; stroke-width: 0.7; fill: none; }
.axis { stroke: #5d5850; stroke-width: 1; fill: none; }
.rule { stroke: #5d5850; stroke-width: 1; stroke-dasharray: 5 4; fill: none; }
.line { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; }
.line.dashed { stroke-dasharray: 4 3; }
.whisker { fill: none; stroke: currentColor; stroke-width: 1; opacity: 0.6; }
.dot { fill: currentColor; stroke: #ffffff; stroke-width: 0.8; }
.dot.cross { fill: none; stroke: currentColor; stroke-width: 1.8; }
.ink { color: #5d5850; }
.s0 { color: #85640a; } .s1 { color: #1a66ac; } .s2 { color: #22763a; } .s3 { color: #b13a34; } .s4 { color: #7346ad; }
.s5 { color: #0b7a82; }
@media (prefers-color-scheme: dark) {
.paper { fill: #141518; }
text { fill: #e9e6e0; }
.tick, .label, .rule-label { fill: #a8a39a; }
.series-note { fill: currentColor; }
.rule-label, .series-note, .dot { stroke: #141518; }
.grid { stroke: #36383d; }
.axis, .rule { stroke: #a8a39a; }
.dot.cross { stroke: currentColor; }
.ink { color: #a8a39a; }
.s0 { color: #dfb84f; } .s1 { color: #72b5f3; } .s2 { color: #74cf89; } .s3 { color: #f28d84; } .s4 { color: #bd9df2; }
.s5 { color: #63d0d6; }
}
</style>
)";

std::string entry(double y, const std::string& css_class, bool dashed, const std::string& marker,
                  const std::string& name) {
  return fmt::format(
      "<g class=\"{}\" transform=\"translate({} {})\"><path class=\"line{}\" d=\"M0 0h24\"/>{}<text class=\"name\" "
      "x=\"30\" y=\"4\">{}</text></g>\n",
      css_class, kMargin + kChartWidth + 2, y, dashed ? " dashed" : "", marker, escape_html(name));
}

std::string legend_of(const Chart& chart, const std::string& dashes_mean) {
  std::string out;
  double y = kMargin + 40;
  std::set<int> named;
  for (const ChartSeries& series : chart.series) {
    if (!named.insert(series.style).second) continue;
    const bool dashed = series.dashed && dashes_mean.empty();
    out += entry(y, fmt::format("s{}", series.style), dashed, chart_marker(series.style, 12, 0), series.name);
    y += kEntry;
  }
  if (!dashes_mean.empty()) out += entry(y, "ink", true, "", dashes_mean);
  return out;
}

}  // namespace

std::string chart_file(const Chart& chart, const std::string& dashes_mean) {
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {2} {3}\">\n"
      "{4}<rect class=\"paper\" width=\"{2}\" height=\"{3}\" rx=\"8\"/>\n",
      kScale * kWidth, kScale * kHeight, kWidth, kHeight, kStyle);
  out += fmt::format("<svg x=\"{0}\" y=\"{0}\" width=\"{1}\" height=\"{2}\">\n{3}</svg>\n", kMargin, kChartWidth,
                     kChartHeight, chart_svg(chart));
  return out + legend_of(chart, dashes_mean) + "</svg>\n";
}

}  // namespace polonaise::tools
