#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "io/metrics/pitch_classes.h"
#include "io/midi/meter.h"
#include "io/midi/score.h"
#include "io/midi/tempo_map.h"

// Which pitches a piece uses. Notes are those of pitched_notes(); none is returned where a metric is undefined.
namespace polonaise::io {

int pitch_count(std::span<const Note> notes);
// Highest less lowest, in semitones.
std::optional<int> pitch_range(std::span<const Note> notes);

// Ticks that each pitch class sounds, all notes added up. (muspy counts notes instead.)
PitchClasses pitch_class_ticks(std::span<const Note> notes);

// The mean over all runs of `bars` bars, one beginning at each bar, of the entropy of pitch_class_ticks within; runs in
// which nothing sounds are left out; a shorter piece is one run. H1 and H4 of Wu and Yang, "The Jazz Transformer on the
// front line" (ISMIR 2020), who count notes. Bars from the one that holds tick `from`, before which there are no notes.
// None for pieces of more than kMaxBars bars.
inline constexpr std::int64_t kMaxBars = 65536;
std::optional<double> window_entropy(std::span<const Note> notes, const Meter& meter, int bars, std::int64_t from = 0);

// Share, at [12 * r + c], of the pairs (i, j) of notes that lead from pitch class r to c, where j begins where i ends,
// to less than 0.05 s: pretty_midi's transition matrix, over all tracks at once, normalised by its sum.
std::optional<std::array<double, 144>> pitch_class_transitions(std::span<const Note> notes, const TempoMap& tempos);

// The greatest share of notes that lie in one of the 12 major and 12 natural minor scales.
std::optional<double> scale_consistency(std::span<const Note> notes);

// The mean of |p(i+1) - p(i)| over notes in order.
std::optional<double> mean_interval(std::span<const Note> notes);

}  // namespace polonaise::io
