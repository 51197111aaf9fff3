#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "io/midi/score.h"

namespace polonaise::io {

// What music is measured by. Each metric is defined in one sentence in metric_table(), which is what --help
// prints; the formulas' sources and the ways other programs differ stand in the headers of this folder.
enum class Metric : std::uint8_t {
  pitch_count,
  pitch_range,
  pitch_class_histogram,
  pitch_class_entropy,
  pitch_class_entropy_1_bar,
  pitch_class_entropy_4_bars,
  pitch_class_transitions,
  scale_consistency,
  mean_interval,
  mean_ioi,
  mean_distinct_ioi,
  note_lengths,
  note_length_transitions,
  polyphony,
  polyphony_rate,
  empty_beat_rate,
  groove_pairs,
  groove_adjacent,
  chord_irregularity,
  structure_short,
  structure_medium,
  structure_long,
};
inline constexpr std::size_t kMetricCount = 22;

struct MetricInfo {
  Metric metric;
  std::string_view name;        // in JSON and CSV: "mean_ioi"
  std::string_view unit;        // "semitones", "bits", "s"; empty for shares and counts
  int size;                     // 1, 12 (a histogram) or 144 (a matrix by rows, entries that sum to 1)
  std::string_view definition;  // a sentence
};
// In the order of the enumeration.
std::span<const MetricInfo> metric_table();
const MetricInfo& metric_info(Metric metric);

// One piece's metrics: for each `size` finite values, or none where the metric is undefined for the piece (it says in
// the definition when that is). Never NaN.
struct PieceMetrics {
  std::int64_t notes = 0;  // those measured: percussion (channel 9) is left out throughout, and so is an opening
  std::array<std::vector<double>, kMetricCount> values;

  std::span<const double> operator[](Metric metric) const { return values[static_cast<std::size_t>(metric)]; }
  // Value of a metric of size 1.
  std::optional<double> scalar(Metric metric) const {
    const std::span<const double> all = (*this)[metric];
    return all.empty() ? std::nullopt : std::optional(all[0]);
  }
};

// Any valid score; of one with a continuation this alone, in the bars of the whole. Deterministic; time and memory are
// linear in its notes, but for structure (see structure.h), whose cost has a fixed bound.
PieceMetrics measure(const Score& score);

}  // namespace polonaise::io
