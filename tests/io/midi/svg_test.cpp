#include "io/midi/svg.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "io/files/error.h"

namespace polonaise::io {
namespace {

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

Score score_of(std::vector<Note> notes) {
  Score score;
  score.ticks_per_quarter = 10;
  score.notes = std::move(notes);
  return score;
}

constexpr std::string_view kNote = "fill-opacity";

TEST(Svg, DrawsEachNoteInTheColourOfItsTrackAndTheOpacityOfItsVelocity) {
  const std::string svg =
      piano_roll_svg(score_of({{.onset = 0, .duration = 10, .pitch = 60, .velocity = 127, .track = 0},
                               {.onset = 10, .duration = 10, .pitch = 64, .velocity = 1, .track = 1},
                               {.onset = 10, .duration = 10, .pitch = 40, .velocity = 90, .channel = 9, .track = 2}}),
                     {.title = "two notes"});
  EXPECT_EQ(count(svg, kNote), 2u);
  EXPECT_EQ(
      count(svg,
            "<rect class=\"c0\" x=\"36\" y=\"106.4\" width=\"23.4\" height=\"4.2\" rx=\"1.5\" fill-opacity=\"1.00\"/>"),
      1u)
      << svg;
  EXPECT_EQ(count(svg, "fill-opacity=\"0.36\""), 1u);
  EXPECT_NE(svg.find(">two notes</text>"), std::string::npos);
  EXPECT_NE(svg.find(">C4</text>"), std::string::npos);
  EXPECT_NE(svg.find("prefers-color-scheme:dark"), std::string::npos);
}

TEST(Svg, DrawsAnOpeningPale) {
  Score score = score_of({{.onset = 0, .duration = 20, .pitch = 60, .velocity = 127},
                          {.onset = 10, .duration = 10, .pitch = 64, .velocity = 127}});
  EXPECT_EQ(count(piano_roll_svg(score, {.title = ""}), "fill-opacity=\"1.00\""), 2u);
  score.continuation = 10;
  const std::string svg = piano_roll_svg(score, {.title = ""});
  EXPECT_EQ(count(svg, "fill-opacity=\"0.45\""), 1u);
  EXPECT_EQ(count(svg, "fill-opacity=\"1.00\""), 1u);
}

TEST(Svg, BreaksRowsAtBarsAndDrawsAcrossThem) {
  // Four bars of four quarters at 24 pixels, two to a row of 200; the long note sounds in both rows.
  const Score score = score_of({{.onset = 0, .duration = 160, .pitch = 60, .velocity = 64}});
  const std::string svg = piano_roll_svg(score, {.title = "", .width = 200});
  EXPECT_EQ(count(svg, kNote), 2u);
  EXPECT_EQ(count(svg, "<path class=\"bar\""), 2u);
}

TEST(Svg, DrawsOnlyTheBarsAskedFor) {
  const Score score = score_of({{.onset = 0, .duration = 10, .pitch = 60, .velocity = 64},
                                {.onset = 40, .duration = 10, .pitch = 60, .velocity = 64},
                                {.onset = 80, .duration = 10, .pitch = 60, .velocity = 64}});
  const std::string svg = piano_roll_svg(score, {.title = "", .first_bar = 2, .last_bar = 2});
  EXPECT_EQ(count(svg, kNote), 1u);
  EXPECT_NE(svg.find(">2</text>"), std::string::npos);
  EXPECT_NE(svg.find(">0:02</text>"), std::string::npos);
}

TEST(Svg, TitlesAreEscapedAndMadeUtf8) {
  const std::string svg = piano_roll_svg(score_of({}), {.title = "a<b> & \xff\x01 \xc3\xa9"});
  EXPECT_NE(svg.find("a&lt;b&gt; &amp; \xef\xbf\xbd\xef\xbf\xbd \xc3\xa9 (no notes)"), std::string::npos) << svg;
}

TEST(Svg, AMeterThatNeverEndsIsRefusedWithASentence) {
  Score score = score_of({{.onset = 1 << 30, .duration = 1, .pitch = 60, .velocity = 64}});
  score.time_signatures = {{0, 1, 128}};
  EXPECT_THROW(piano_roll_svg(score, {.title = ""}), Error);
  EXPECT_EQ(count(piano_roll_svg(score, {.title = "", .last_bar = 2}), "<path class=\"bar\""), 1u);
}

}  // namespace
}  // namespace polonaise::io
