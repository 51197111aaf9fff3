#include "tools/compare/report/chart_file.h"

#include <gmock/gmock.h>

#include <regex>

#include "tools/compare/report/page.h"

namespace polonaise::tools {
namespace {

using testing::HasSubstr;
using testing::Not;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

Chart small_chart() {
  Chart chart{"A <chart>", "x", "y"};
  chart.series = {{"one", 1, {{1, 1}, {5, 5}}}, {"two & more", 2, {{1, 2}, {5, 6}}}, {"one as it was", 1, {{1, 3}}}};
  chart.series.back().dashed = true;
  return chart;
}

TEST(CompareChartFile, HoldsTheChartWithItsStyleAndPaper) {
  const Chart chart = small_chart();
  const std::string svg = chart_file(chart);
  EXPECT_TRUE(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=")) << svg.substr(0, 200);
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_THAT(svg, HasSubstr("@media (prefers-color-scheme: dark)"));
  EXPECT_THAT(svg, HasSubstr("<rect class=\"paper\""));
  EXPECT_THAT(svg, HasSubstr(chart_svg(chart)));
  EXPECT_THAT(svg, HasSubstr(">A &lt;chart&gt;</text>"));
  EXPECT_EQ(count(svg, "<svg"), count(svg, "</svg>"));
  EXPECT_EQ(count(svg, "<g"), count(svg, "</g>"));
}

TEST(CompareChartFile, NamesEachStyleOnceAndWhatDashesMean) {
  const std::string svg = chart_file(small_chart(), "as it was");
  EXPECT_EQ(count(svg, "class=\"name\""), 3u);
  EXPECT_THAT(svg, HasSubstr(">one</text>"));
  EXPECT_THAT(svg, HasSubstr(">two &amp; more</text>"));
  EXPECT_THAT(svg, HasSubstr(">as it was</text>"));
  EXPECT_THAT(svg, Not(HasSubstr(">one as it was</text>")));
  EXPECT_EQ(count(chart_file(small_chart()), "class=\"name\""), 2u);
}

// The report's are variables of its page; a picture's must be written out.
TEST(CompareChartFile, HasTheReportsColoursWithoutVariables) {
  const std::string svg = chart_file(small_chart()), page(page_css());
  EXPECT_THAT(svg, Not(HasSubstr("var(")));
  const std::regex colour("--(s[0-4]): (#[0-9a-f]{6});");
  std::size_t colours = 0;
  for (std::sregex_iterator match(page.begin(), page.end(), colour), end; match != end; ++match) {
    EXPECT_THAT(svg, HasSubstr("." + (*match)[1].str() + " { color: " + (*match)[2].str() + "; }"));
    ++colours;
  }
  EXPECT_EQ(colours, 10u);
}

}  // namespace
}  // namespace polonaise::tools
