#include "tools/compare/report/html.h"

#include <gmock/gmock.h>

#include <limits>

#include "io/data/op53_prime.h"
#include "io/encodings/encoding.h"
#include "io/files/file.h"
#include "io/midi/notes.h"
#include "tests/tools/run_program.h"
#include "tools/compare/report/chart.h"
#include "tools/compare/report/music.h"
#include "tools/compare/study/judge.h"

namespace polonaise::tools {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(CompareHtml, EscapesMarkupAndDropsControlCharacters) {
  EXPECT_EQ(escape_html("<b a=\"1\" c='2'>&\x01\n"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp; ");
}

TEST(CompareHtml, WritesNumbersAndADashForWhatIsNone) {
  EXPECT_EQ(number(1.23456), "1.235");
  EXPECT_EQ(number(std::nullopt), "–");
  EXPECT_EQ(number(kNan), "–");
  EXPECT_EQ(with_prefix(999.4), "999");
  EXPECT_EQ(with_prefix(999.9), "1.00 k");
  EXPECT_EQ(with_prefix(84'120.0), "84.1 k");
  EXPECT_EQ(with_prefix(123.4e9), "123 G");
  EXPECT_EQ(with_prefix(0.0), "0.00");
  EXPECT_EQ(with_prefix(kInfinity), "–");
}

TEST(CompareHtml, ATableNamesItsRowsAndColumns) {
  HtmlTable table{"A < B", {{"name", "", true}, {"value", "what it \"is\""}}, {{{"x"}, {"1", "best"}}}};
  const std::string html = table.html();
  EXPECT_THAT(html, HasSubstr("<caption>A &lt; B</caption>"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"col\" title=\"what it &quot;is&quot;\">value</th>"));
  EXPECT_THAT(html, HasSubstr("<th scope=\"row\">x</th><td class=\"best\">1</td>"));
}

TEST(CompareHtml, FillsEachPlaceOfAPage) {
  EXPECT_EQ(fill("a {{x}} b {{y}} {{x}}", {{"x", "{{y}}"}, {"y", "2"}}), "a {{y}} b 2 {{y}}");
  EXPECT_THROW(fill("{{x}}", {}), std::logic_error);
  EXPECT_THROW(fill("", {{"x", "1"}}), std::logic_error);
}

TEST(CompareHtml, Base64) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("M"), "TQ==");
  EXPECT_EQ(base64("MT"), "TVQ=");
  EXPECT_EQ(base64("MThd"), "TVRoZA==");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST(CompareChart, PlacesPointsAndLeavesOutWhatIsNone) {
  Chart chart{"A chart", "x", "y"};
  chart.x_range = {0, 10};
  chart.y_range = {0, 10};
  chart.series = {{"one", 1, {{0, 0}, {5, kNan}, {kInfinity, 3}, {10, 10}}}};
  const std::string svg = chart_svg(chart);
  EXPECT_THAT(svg, HasSubstr("aria-label=\"A chart, y against x. one: last 10 at 10.\""));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  EXPECT_THAT(svg, HasSubstr("class=\"line\" d=\"M"));
}

TEST(CompareChart, WithoutPointsSaysSo) {
  Chart chart{"Empty", "x", "y"};
  chart.log_x = chart.log_y = true;
  chart.series = {{"none", 0, {{0, 1}, {1, -1}}}};
  EXPECT_THAT(chart_svg(chart), HasSubstr("nothing was measured"));
  EXPECT_THAT(chart_svg(chart), Not(HasSubstr("nan")));
}

TEST(CompareChart, OfOnePointHasAFrameAroundIt) {
  Chart chart{"Point", "x", "y"};
  chart.series = {{"one", 3, {{7, 7}}}};
  EXPECT_THAT(chart_svg(chart), Not(testing::AnyOf(HasSubstr("nan"), HasSubstr("inf"))));
}

TEST(CompareChart, HasTicksHoweverNarrowItsRange) {
  Chart chart{"Narrow", "x", "y"};
  chart.log_y = true;
  chart.series = {{"one", 1, {{1, 128'000}, {2, 150'000}}}};
  EXPECT_THAT(chart_svg(chart), HasSubstr(">130 k</text>"));
  EXPECT_THAT(chart_svg(chart), HasSubstr(">150 k</text>"));
}

TEST(CompareChart, HasWhiskersWhereThereAreSeveralSeeds) {
  Chart chart{"A chart", "x", "y"};
  chart.x_range = {0, 10};
  chart.y_range = {0, 10};
  chart.series = {{"one", 1, {{5, 5}, {6, 5}, {7, kNan}}, false, {{4, 6}, {5, 5}, {4, 6}}}};
  const std::string svg = chart_svg(chart);
  EXPECT_THAT(svg, HasSubstr("class=\"whisker\" d=\"M242.0 150.2V113.8m-2.5 0h5M239.5 150.2h5\""));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  chart.series[0].whiskers.clear();
  EXPECT_THAT(chart_svg(chart), Not(HasSubstr("whisker")));
}

TEST(CompareChart, LeavesRoomForWhiskers) {
  Chart chart{"A chart", "x", "y"};
  chart.series = {{"one", 1, {{5, 5}}, false, {{4, 7}}}};
  EXPECT_EQ(y_range_of({chart}), (std::pair<double, double>{4, 7}));
  EXPECT_EQ(x_range_of({chart}), (std::pair<double, double>{5, 5}));
}

TEST(CompareChart, SaysWhatThereIsToNoteOfASeries) {
  Chart chart{"A chart", "x", "y"};
  chart.series = {{"one", 1, {{1, 1}, {5, 5}}, true, {}, "never <left>"}};
  const std::string svg = chart_svg(chart);
  EXPECT_THAT(svg, HasSubstr("one: last 5 at 5, never &lt;left&gt;."));
  EXPECT_THAT(svg, HasSubstr(">never &lt;left&gt;</text>"));
}

TEST(CompareMusic, IsDrawnWithTheOpeningApart) {
  io::Score score = io::op53_prime();
  const auto file = fresh_folder() / "piece.mid";
  io::write_file(file, io::write_score(score, "</script>"));
  const Music music = load_music(file);
  EXPECT_EQ(music.notes.size(), score.notes.size());
  EXPECT_NEAR(music.seconds, 6 * 0.666667, 1e-6);
  const std::string svg = roll_svg(music, 2, 24, 96, "a \"roll\"");
  EXPECT_THAT(svg, HasSubstr("aria-label=\"a &quot;roll&quot;\""));
  EXPECT_THAT(svg, HasSubstr("class=\"notes given\""));
  EXPECT_THAT(svg, HasSubstr("class=\"notes\""));
  EXPECT_THAT(roll_svg({}, 0, 127, 127, "nothing"), Not(HasSubstr("class=\"notes")));
  const std::string json = music_json(music, "a </script> title");
  EXPECT_THAT(json, Not(HasSubstr("</")));
  EXPECT_THAT(json, HasSubstr("[0,333,27,80]"));
}

TEST(CompareMusic, KnowsWhereDrawingBegan) {
  io::Score score = io::op53_prime();
  const auto file = fresh_folder() / "piece.mid";
  io::write_file(file, io::write_score(score));
  EXPECT_FALSE(load_music(file).drawn_from);
  score.continuation = 3 * 480;
  io::write_file(file, io::write_score(score));
  EXPECT_NEAR(*load_music(file).drawn_from, 2, 1e-5);
}

TEST(CompareJudge, KnowsAPieceInOtherKeysAndTempos) {
  EXPECT_EQ(base_name("song"), "song");
  EXPECT_EQ(base_name("song +3"), "song");
  EXPECT_EQ(base_name("song -2 x1.05"), "song");
  EXPECT_EQ(base_name("song x0.9"), "song");
  EXPECT_EQ(base_name("song 3"), "song 3");
  EXPECT_EQ(base_name("op +1 b"), "op +1 b");
}

}  // namespace
}  // namespace polonaise::tools
