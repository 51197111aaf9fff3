#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "io/encodings/encoding.h"
#include "io/encodings/parts/bars.h"
#include "io/encodings/parts/grid_notes.h"
#include "io/midi/notes.h"

namespace polonaise::io {
namespace {

constexpr int kPitch = -21;  // + key
constexpr int kVelocity = 88;
constexpr int kLength = 119;  // + 1/48 quarters, up to a quarter
constexpr int kBar = 240;
constexpr int kPosition = 262;

Score quarters(std::vector<TimeSignature> signatures, std::vector<std::int64_t> onsets) {
  Score score;
  score.ticks_per_quarter = 48;
  score.time_signatures = std::move(signatures);
  for (const std::int64_t onset : onsets) score.notes.push_back({onset, 12, 60, 80, 0, 0, 0});
  return score;
}

std::vector<int> tokens_of(const Score& score) {
  LossReport report;
  const Events events = make_encoding("remi")->encode(score, report);
  return {events.tokens.begin(), events.tokens.end()};
}

Score decode(const std::vector<int>& tokens) {
  Events events(EventKind::tokens);
  for (const int token : tokens) events.push_token(token);
  return make_encoding("remi")->decode(events.view());
}

// "3/4:0,72 4/4:" of the bars and positions that a score is written in.
std::string bars_of(const Score& score) {
  std::string text;
  for (const int token : tokens_of(score)) {
    if (token >= kPosition) {
      text += (text.back() == ':' ? "" : ",") + std::to_string(token - kPosition);
    } else if (token >= kBar) {
      const TokenMeter meter = meter_of(token - kBar);
      if (!text.empty()) text += " ";
      text += std::to_string(meter.numerator) + "/" + std::to_string(meter.denominator) + ":";
    }
  }
  return text;
}

TEST(Remi, ABarHasPositionsAndThoseHaveNotes) {
  Score score = quarters({{0, 3, 4}}, {0, 72, 144});
  score.notes.push_back({144, 48, 64, 20, 0, 0, 0});
  const std::vector<int> note = {kPitch + 60, kVelocity + 19, kLength + 12};
  std::vector<int> expected = {kBar + 1, kPosition};
  expected.insert(expected.end(), note.begin(), note.end());
  expected.push_back(kPosition + 72);
  expected.insert(expected.end(), note.begin(), note.end());
  expected.insert(expected.end(), {kBar + 1, kPosition});
  expected.insert(expected.end(), note.begin(), note.end());
  expected.insert(expected.end(), {kPitch + 64, kVelocity + 4, kLength + 48});
  EXPECT_EQ(tokens_of(score), expected);
}

TEST(Remi, BarsFollowTheTimeSignatures) {
  EXPECT_EQ(bars_of(quarters({}, {0, 191, 192})), "4/4:0,191 4/4:0");
  EXPECT_EQ(bars_of(quarters({{0, 3, 4}, {144, 6, 8}, {288, 2, 2}}, {0, 144, 290, 500})), "3/4:0 6/8:0 2/2:2 2/2:20");
  EXPECT_EQ(bars_of(quarters({{96, 3, 4}}, {0, 96})), "2/4:0 3/4:0") << "a bar cut by a time signature";
}

TEST(Remi, TheFirstBarIsThatOfTheFirstNote) {
  EXPECT_EQ(bars_of(quarters({{0, 3, 4}}, {300, 432})), "3/4:12 3/4:0");
}

TEST(Remi, OtherMetersAreWrittenAsBarsOfTheTables) {
  EXPECT_EQ(bars_of(quarters({{0, 4, 2}}, {0, 200, 384})), "2/2:0 2/2:8 2/2:0");
  EXPECT_EQ(bars_of(quarters({{0, 13, 8}}, {0, 290, 312})), "12/8:0 1/8:2 12/8:0");
  EXPECT_EQ(bars_of(quarters({{0, 15, 8}}, {0, 120, 240, 360})), "5/8:0 5/8:0 5/8:0 5/8:0");
  EXPECT_EQ(bars_of(quarters({{0, 65, 64}}, {0, 193, 195})), "4/4:0 1/64:1 4/4:0");
  EXPECT_EQ(bars_of(quarters({{0, 2, 8}}, {0, 48})), "1/4:0 1/4:0");
  EXPECT_EQ(bars_of(quarters({{0, 1, 128}}, {0, 3})), "1/64:0 1/64:0") << "no bar is shorter";
}

TEST(Remi, DecodingGivesTheTimeSignaturesBack) {
  const Score back = decode(tokens_of(quarters({{0, 3, 4}, {144, 6, 8}}, {0, 144, 300})));
  EXPECT_EQ(back.time_signatures, (std::vector<TimeSignature>{{0, 3, 4}, {1440, 6, 8}}));
  EXPECT_EQ(back.notes.at(2).onset, 3000);
}

TEST(Remi, OfALongSilenceSixtyFourQuartersAreKept) {
  EXPECT_EQ(tokens_of(quarters({}, {0, 192 * 16})).size(), 16U + 1 + 2 * 4);
  EXPECT_EQ(tokens_of(quarters({}, {0, 192 * 1000000})).size(), 16U + 1 + 2 * 4);
  const Score back = decode(tokens_of(quarters({}, {0, 192 * 1000000 + 5})));
  EXPECT_EQ(back.notes.at(1).onset, 10 * (192 * 16 + 5));
}

TEST(Remi, DecodingMakesSenseOfAnyOrder) {
  const Score early = decode({kPitch + 60, kLength + 48, kBar + 1, kPitch + 62, kLength + 48});
  EXPECT_EQ(early.notes.at(1).onset, 1920) << "what stands before any bar stands in one of 4/4";
  EXPECT_EQ(early.time_signatures, (std::vector<TimeSignature>{{0, 4, 4}, {1920, 3, 4}}));
  const Score beyond =
      decode({kBar + 1, kPosition + 200, kPitch + 60, kLength + 1, kBar + 1, kPitch + 62, kLength + 1});
  EXPECT_EQ(beyond.notes.at(0).onset, 1440);
  EXPECT_EQ(beyond.notes.at(1).onset, 2000);
}

TEST(Remi, ALastBarIsTheEnd) {
  EXPECT_EQ(decode({kBar + 2, kPosition + 84, kPitch + 60, kLength + 48, kBar}).notes.at(0).duration, 120);
  EXPECT_EQ(decode({kBar + 2, kPosition + 84, kPitch + 60, kLength + 48}).notes.at(0).duration, 480);
}

TEST(Bars, PlacesNeverGoBack) {
  Score score;
  score.ticks_per_quarter = 7;
  score.time_signatures = {{0, 5, 128}, {3, 13, 8}, {40, 65, 4}, {41, 3, 4}, {42, 1, 64}, {90, 4, 4}};
  const Bars bars(score);
  Bars::Place last;
  for (std::int64_t time = 0; time < 2000; ++time) {
    const Bars::Place place = bars.place(time);
    EXPECT_TRUE(place.bar > last.bar || (place.bar == last.bar && place.position >= last.position)) << time;
    EXPECT_LT(place.position, meter_of(bars.meter(place.bar)).length());
    last = place;
  }
}

// Each note stands where it stood, in a bar of the same length at the same place.
TEST(Remi, BarLinesOfRealScoresComeOutRight) {
  const char* data = std::getenv("POLONAISE_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "POLONAISE_TEST_DATA is unset: no real music to encode";
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(data) / "asap-scores")) {
    if (entry.path().extension() != ".mid" || ++files % 4 != 0) continue;
    Warnings warnings;
    LossReport report;
    const Score score = read_score(entry.path(), warnings);
    const auto remi = make_encoding("remi");
    const Score back = remi->decode(remi->encode(score, report).view());
    const Bars before(score);
    const Bars after(back);
    std::vector<std::int64_t> onsets;
    for (const Note& note : score.notes) {
      const std::int64_t onset = rescale(note.onset, score.ticks_per_quarter, kGridPerQuarter);
      if (note.pitch >= 21 && note.pitch <= 108 && (onsets.empty() || onsets.back() != onset)) onsets.push_back(onset);
    }
    std::vector<std::int64_t> decoded;
    for (const Note& note : back.notes) {
      if (decoded.empty() || decoded.back() != note.onset / 10) decoded.push_back(note.onset / 10);
    }
    ASSERT_EQ(decoded.size(), onsets.size()) << entry.path();
    for (std::size_t i = 0; i < onsets.size(); ++i) {
      const Bars::Place was = before.place(onsets[i]);
      const Bars::Place is = after.place(decoded[i]);
      EXPECT_EQ(is.position, was.position) << entry.path();
      EXPECT_EQ(meter_of(after.meter(is.bar)).length(), meter_of(before.meter(was.bar)).length());
      EXPECT_EQ(decoded[i] - decoded[0], onsets[i] - onsets[0]) << entry.path();
    }
  }
  EXPECT_GT(files, 200);
}

}  // namespace
}  // namespace polonaise::io
