#include "io/metrics/metrics.h"

#include "io/metrics/chords.h"
#include "io/metrics/pitch.h"
#include "io/metrics/pitched.h"
#include "io/metrics/rhythm.h"
#include "io/metrics/structure.h"
#include "io/metrics/texture.h"
#include "io/midi/meter.h"
#include "io/midi/tempo_map.h"

namespace polonaise::io {
namespace {

constexpr std::array<MetricInfo, kMetricCount> kTable = {{
    {Metric::pitch_count, "pitch_count", "pitches", 1, "How many different pitches there are."},
    {Metric::pitch_range, "pitch_range", "semitones", 1, "The highest pitch less the lowest. Undefined without notes."},
    {Metric::pitch_class_histogram, "pitch_class_histogram", "", 12,
     "The share of each pitch class, C first, in the durations of all notes added up. Undefined where nothing sounds."},
    {Metric::pitch_class_entropy, "pitch_class_entropy", "bits", 1,
     "-sum p log2 p over the pitch-class histogram, 0 to 3.585. Undefined where nothing sounds."},
    {Metric::pitch_class_entropy_1_bar, "pitch_class_entropy_1_bar", "bits", 1,
     "The mean of the pitch-class entropy within each bar in which something sounds."},
    {Metric::pitch_class_entropy_4_bars, "pitch_class_entropy_4_bars", "bits", 1,
     "The mean of the pitch-class entropy within four bars, one window beginning at each bar; windows in which nothing "
     "sounds are left out; a shorter piece is one window."},
    {Metric::pitch_class_transitions, "pitch_class_transitions", "", 144,
     "Of all pairs of notes of which one begins where the other ends, to less than 0.05 s, the share that leads from "
     "one pitch class (row) to another (column). Undefined without such pairs."},
    {Metric::scale_consistency, "scale_consistency", "", 1,
     "The greatest share of notes that lie in one major or natural minor scale. Undefined without notes."},
    {Metric::mean_interval, "mean_interval", "semitones", 1,
     "The mean distance in pitch of successive notes, notes that begin together from low to high. Undefined for fewer "
     "than 2 notes."},
    {Metric::mean_ioi, "mean_ioi", "s", 1,
     "The mean distance of successive notes' onsets, 0 within chords: (last - first) / (notes - 1). Undefined for "
     "fewer "
     "than 2 notes."},
    {Metric::mean_distinct_ioi, "mean_distinct_ioi", "s", 1,
     "The mean distance of successive different onsets. Undefined for fewer than 2 onsets."},
    {Metric::note_lengths, "note_lengths", "", 12,
     "The share of notes nearest in length to 1, 1/2, 1/4, 1/8, 1/16 of the bar, the first four of these dotted, and "
     "triplets of 1/2, 1/4, 1/8: 96 48 24 12 6 72 36 18 9 32 16 8 parts of 1/96 bar. Undefined without notes."},
    {Metric::note_length_transitions, "note_length_transitions", "", 144,
     "The share of pairs of successive notes that lead from one of these lengths (row) to another (column). Undefined "
     "for fewer than 2 notes."},
    {Metric::polyphony, "polyphony", "pitches", 1,
     "The mean number of different pitches that sound, over the time in which any does. Undefined where nothing "
     "sounds."},
    {Metric::polyphony_rate, "polyphony_rate", "", 1,
     "The share of the piece, from its start until the last note ends, in which 2 or more pitches sound. Undefined "
     "where nothing sounds."},
    {Metric::empty_beat_rate, "empty_beat_rate", "", 1,
     "The share of quarter notes, from the start until the last note ends, in which nothing sounds. Undefined without "
     "notes."},
    {Metric::groove_pairs, "groove_pairs", "", 1,
     "How alike the onsets of two bars are: 1 - Hamming distance / 64 between their vectors of 64 positions, the mean "
     "over all pairs of bars. Undefined for fewer than 2 bars or more than 65,536."},
    {Metric::groove_adjacent, "groove_adjacent", "", 1, "The same, the mean over pairs of neighbouring bars."},
    {Metric::chord_irregularity, "chord_irregularity", "", 1,
     "Of the progression of triads, the best one of each quarter note, repetitions as one: different runs of three / "
     "runs of three. Undefined for fewer than 3 chords or more than 65,536 quarters."},
    {Metric::structure_short, "structure_short", "", 1,
     "Structureness: the greatest fitness (Mueller, ISMIR 2011), the harmonic mean of how well and how widely it is "
     "repeated, of any segment of 3 to 8 seconds in the self-similarity of chroma at 2 frames a second. Undefined for "
     "pieces that are too short."},
    {Metric::structure_medium, "structure_medium", "", 1, "The same for segments of 8 to 15 seconds."},
    {Metric::structure_long, "structure_long", "", 1,
     "The same for segments of 15 seconds and more; a piece of more than 80 seconds has 160 longer frames."},
}};

static_assert([] {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].metric) != i) return false;
  }
  return true;
}());

}  // namespace

std::span<const MetricInfo> metric_table() {
  return kTable;
}

const MetricInfo& metric_info(Metric metric) {
  return kTable[static_cast<std::size_t>(metric)];
}

PieceMetrics measure(const Score& score) {
  const std::int64_t from = measured_from(score);
  const std::vector<Note> notes = pitched_notes(score, from);
  const TempoMap tempos(score);
  const Meter meter(score);
  PieceMetrics piece;
  piece.notes = static_cast<std::int64_t>(notes.size());
  const auto set = [&](Metric metric, const auto& value) {
    if (value) piece.values[static_cast<std::size_t>(metric)] = {static_cast<double>(*value)};
  };
  const auto set_all = [&](Metric metric, const auto& values) {
    if (values) piece.values[static_cast<std::size_t>(metric)].assign(values->begin(), values->end());
  };

  set(Metric::pitch_count, std::optional(pitch_count(notes)));
  set(Metric::pitch_range, pitch_range(notes));
  const PitchClasses ticks = pitch_class_ticks(notes);
  set_all(Metric::pitch_class_histogram, normalised(ticks));
  set(Metric::pitch_class_entropy, entropy_bits(ticks));
  set(Metric::pitch_class_entropy_1_bar, window_entropy(notes, meter, 1, from));
  set(Metric::pitch_class_entropy_4_bars, window_entropy(notes, meter, 4, from));
  set_all(Metric::pitch_class_transitions, pitch_class_transitions(notes, tempos));
  set(Metric::scale_consistency, scale_consistency(notes));
  set(Metric::mean_interval, mean_interval(notes));
  set(Metric::mean_ioi, mean_ioi(notes, tempos));
  set(Metric::mean_distinct_ioi, mean_distinct_ioi(notes, tempos));
  set_all(Metric::note_lengths, note_lengths(notes, meter));
  set_all(Metric::note_length_transitions, note_length_transitions(notes, meter));
  const Texture sounding = texture(notes, 2, from);
  set(Metric::polyphony, sounding.polyphony());
  set(Metric::polyphony_rate, sounding.polyphony_rate());
  set(Metric::empty_beat_rate, empty_beat_rate(notes, score.ticks_per_quarter, from));
  if (const std::optional<Groove> bars = groove(notes, meter, from)) {
    set(Metric::groove_pairs, std::optional(bars->pairs));
    set(Metric::groove_adjacent, std::optional(bars->adjacent));
  }
  set(Metric::chord_irregularity, chord_irregularity(chord_progression(notes, score.ticks_per_quarter)));
  const Structure repeated = structure(notes, tempos);
  set(Metric::structure_short, repeated.from_3_to_8);
  set(Metric::structure_medium, repeated.from_8_to_15);
  set(Metric::structure_long, repeated.from_15);
  return piece;
}

}  // namespace polonaise::io
