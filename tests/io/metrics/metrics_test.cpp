#include "io/metrics/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "io/data/synthetic.h"
#include "io/metrics/distances.h"
#include "io/midi/meter.h"
#include "tests/io/score_maker.h"

namespace polonaise::io {
namespace {

constexpr double kClose = 1e-12;

// Sizes as the table says, all finite, shares of each histogram and matrix summing to 1.
void expect_sound(const PieceMetrics& piece) {
  for (const MetricInfo& info : metric_table()) {
    const std::span<const double> values = piece[info.metric];
    if (values.empty()) continue;
    EXPECT_EQ(values.size(), static_cast<std::size_t>(info.size)) << info.name;
    for (const double value : values) EXPECT_TRUE(std::isfinite(value) && value >= 0) << info.name;
    if (info.size > 1) {
      EXPECT_NEAR(std::accumulate(values.begin(), values.end(), 0.0), 1, 1e-9) << info.name;
    } else if (info.unit.empty()) {
      EXPECT_LE(values[0], 1) << info.name;
    }
  }
}

std::set<std::string_view> defined(const PieceMetrics& piece) {
  std::set<std::string_view> names;
  for (const MetricInfo& info : metric_table()) {
    if (!piece[info.metric].empty()) names.insert(info.name);
  }
  return names;
}

TEST(Metrics, TheTableNamesAndDefinesEachOnce) {
  std::set<std::string_view> names;
  for (const MetricInfo& info : metric_table()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(info.definition.ends_with('.')) << info.name;
    EXPECT_EQ(&metric_info(info.metric), &info);
  }
  EXPECT_EQ(names.size(), kMetricCount);
}

TEST(Metrics, AnEmptyPieceHasNoPitchesAndNothingElse) {
  const PieceMetrics piece = measure(score_of({}));
  EXPECT_EQ(piece.notes, 0);
  EXPECT_EQ(piece.scalar(Metric::pitch_count), 0);
  EXPECT_EQ(defined(piece), std::set<std::string_view>{"pitch_count"});
  EXPECT_EQ(defined(measure(score_of({{0, 4, 36, 9}}))), std::set<std::string_view>{"pitch_count"});
}

TEST(Metrics, OneNoteHasWhatTakesOneNote) {
  const PieceMetrics piece = measure(score_of({{0, 4, 60}}));
  expect_sound(piece);
  EXPECT_EQ(defined(piece),
            (std::set<std::string_view>{"pitch_count", "pitch_range", "pitch_class_histogram", "pitch_class_entropy",
                                        "pitch_class_entropy_1_bar", "pitch_class_entropy_4_bars", "scale_consistency",
                                        "note_lengths", "polyphony", "polyphony_rate", "empty_beat_rate"}));
  EXPECT_EQ(piece.scalar(Metric::pitch_class_entropy), 0);
  EXPECT_EQ(piece.scalar(Metric::polyphony), 1);
}

// Three bars of another music before a piece, with a note that is held into it.
Score with_opening(const Score& piece) {
  Score whole = piece;
  const std::int64_t bar = static_cast<std::int64_t>(Meter(piece).bar_ticks(0)), shift = 3 * bar;
  whole.notes = {{0, shift + bar, 21, 90, 0, 0, 0}, {bar, bar, 40, 90, 0, 0, 0}, {2 * bar, 1, 107, 90, 0, 0, 0}};
  for (Note note : piece.notes) {
    note.onset += shift;
    whole.notes.push_back(note);
  }
  for (Tempo& tempo : whole.tempos) tempo.tick += tempo.tick > 0 ? shift : 0;
  for (TimeSignature& meter : whole.time_signatures) meter.tick += meter.tick > 0 ? shift : 0;
  whole.continuation = shift;
  return whole;
}

TEST(Metrics, OfAContinuationAreThoseItWouldHaveAlone) {
  for (const NamedScore& piece : synthetic_corpus(3, 1)) {
    const PieceMetrics alone = measure(piece.score), after = measure(with_opening(piece.score));
    EXPECT_EQ(after.notes, alone.notes);
    for (const MetricInfo& info : metric_table()) {
      ASSERT_EQ(after[info.metric].size(), alone[info.metric].size()) << info.name;
      for (std::size_t i = 0; i < alone[info.metric].size(); ++i) {
        EXPECT_NEAR(after[info.metric][i], alone[info.metric][i], 1e-9) << piece.name << " " << info.name;
      }
    }
  }
}

TEST(Metrics, OfAContinuationWithoutNotesThereAreNone) {
  Score score = score_of({{0, 4, 60}, {4, 4, 62}});
  for (const std::int64_t marker : {5, 8, 2'147'483'647}) {
    score.continuation = marker;
    const PieceMetrics piece = measure(score);
    expect_sound(piece);
    EXPECT_EQ(piece.notes, 0);
    EXPECT_EQ(defined(piece), defined(measure({})));
  }
  score.continuation = 0;
  EXPECT_EQ(measure(score).values, measure(score_of({{0, 4, 60}, {4, 4, 62}})).values);
}

TEST(Metrics, ExtremeScoresStayFinite) {
  constexpr std::int64_t kLast = (std::int64_t{1} << 31) - 1;
  Score tiny_bars = score_of({{0, 1, 60}, {3, 1, 62}, {9, 1, 64}}, 1);
  tiny_bars.time_signatures = {{0, 1, 128}};
  Score endless = score_of({{0, 1, 60}, {kLast - 5, 5, 127}}, 1);
  endless.tempos = {{0, 16777215}};
  Score graces = score_of({{0, 0, 60}, {0, 0, 61}, {0, 0, 60}});
  Score fast = score_of({{0, 1, 0}, {1, 1, 127}, {2, 1, 64}}, 32767);
  fast.tempos = {{0, 1}};
  Score changing = score_of({{0, 40, 60}, {7, 3, 62}});
  changing.time_signatures = {{0, 3, 4}, {1, 1, 128}, {2, 255, 1}, {20, 4, 4}};
  for (const Score& score : {tiny_bars, endless, graces, fast, changing}) expect_sound(measure(score));
}

TEST(Metrics, RuleMadePiecesHaveAllOfThem) {
  for (const NamedScore& piece : synthetic_corpus(3, 1)) {
    const PieceMetrics measured = measure(piece.score);
    expect_sound(measured);
    EXPECT_EQ(defined(measured).size(), kMetricCount) << piece.name;
    EXPECT_EQ(measured.values, measure(piece.score).values);
  }
}

// The definitions of mgeval (Yang and Lerch 2020) by hand on two pieces of one voice, in which they and ours agree.
TEST(Metrics, MgevalsFormulasByHandOnTwoPieces) {
  // A bar of 4/4: C 1/4, D 1/8, E 1/8, C 1/2. And another: G 1/2, A 1/4, G 1/4.
  const PieceMetrics a = measure(score_of({{0, 4, 60}, {4, 2, 62}, {6, 2, 64}, {8, 8, 60}}));
  const PieceMetrics b = measure(score_of({{0, 8, 67}, {8, 4, 69}, {12, 4, 67}}));
  EXPECT_EQ(a.scalar(Metric::pitch_count), 3);                     // total_used_pitch
  EXPECT_EQ(a.scalar(Metric::pitch_range), 4);                     // pitch_range
  EXPECT_EQ(a.notes, 4);                                           // total_used_note
  EXPECT_NEAR(*a.scalar(Metric::mean_interval), 8.0 / 3, kClose);  // avg_pitch_shift: 2, 2, 4
  EXPECT_NEAR(*a.scalar(Metric::mean_ioi), 1.0 / 3, kClose);       // avg_IOI: 0.5, 0.25, 0.25 s
  EXPECT_NEAR(*b.scalar(Metric::mean_ioi), 0.75, kClose);          // 1, 0.5
  // total_pitch_class_histogram, by duration.
  EXPECT_NEAR(a[Metric::pitch_class_histogram][0], 0.75, kClose);
  EXPECT_NEAR(a[Metric::pitch_class_histogram][2], 0.125, kClose);
  EXPECT_NEAR(a[Metric::pitch_class_histogram][4], 0.125, kClose);
  EXPECT_NEAR(b[Metric::pitch_class_histogram][7], 0.75, kClose);
  EXPECT_NEAR(b[Metric::pitch_class_histogram][9], 0.25, kClose);
  // pitch_class_transition_matrix by total: C-D, D-E, E-C; G-A, A-G.
  for (const std::size_t entry : {2, 28, 48}) EXPECT_NEAR(a[Metric::pitch_class_transitions][entry], 1.0 / 3, kClose);
  for (const std::size_t entry : {93, 115}) EXPECT_NEAR(b[Metric::pitch_class_transitions][entry], 0.5, kClose);
  // note_length_hist of 1, 1/2, 1/4, 1/8, ...
  EXPECT_EQ(a[Metric::note_lengths][1], 0.25);
  EXPECT_EQ(a[Metric::note_lengths][2], 0.25);
  EXPECT_EQ(a[Metric::note_lengths][3], 0.5);
  // note_length_transition_matrix: 1/4-1/8, 1/8-1/8, 1/8-1/2.
  for (const std::size_t entry : {27, 39, 37}) EXPECT_NEAR(a[Metric::note_length_transitions][entry], 1.0 / 3, kClose);
  // Euclidean distance of the histograms: C .75, D .125, E .125, G .75, A .25.
  const SetDistance found = set_distance(Metric::pitch_class_histogram, std::vector{a}, std::vector{b});
  EXPECT_NEAR(*found.inter, std::sqrt(2 * 0.5625 + 2 * 0.015625 + 0.0625), kClose);
  EXPECT_NEAR(*set_distance(Metric::pitch_range, std::vector{a}, std::vector{b}).inter, 2, kClose);
}

}  // namespace
}  // namespace polonaise::io
