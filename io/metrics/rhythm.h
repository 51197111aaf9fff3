#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "io/midi/meter.h"
#include "io/midi/score.h"
#include "io/midi/tempo_map.h"

// When notes begin and how long they are. Notes are those of pitched_notes(); none is returned where a metric is
// undefined.
namespace polonaise::io {

// The mean distance of successive onsets in seconds. All of them, the notes of a chord at distance 0, as pretty_midi
// and mgeval have it: (last - first) / (notes - 1). Or the distinct ones: (last - first) / (onsets - 1).
std::optional<double> mean_ioi(std::span<const Note> notes, const TempoMap& tempos);
std::optional<double> mean_distinct_ioi(std::span<const Note> notes, const TempoMap& tempos);

// mgeval's twelve lengths in parts of 1/96 of the bar: the bar and its 1/2, 1/4, 1/8, 1/16; these four dotted; triplets
// of the 1/2, 1/4, 1/8.
inline constexpr std::array<int, 12> kNoteLengths = {96, 48, 24, 12, 6, 72, 36, 18, 9, 32, 16, 8};
// The index of the nearest, of two as near the one that stands first. A note is measured by the bar it begins in.
int note_length_class(const Note& note, const Meter& meter);
// Shares of the notes.
std::optional<std::array<double, 12>> note_lengths(std::span<const Note> notes, const Meter& meter);
// Shares of the pairs of successive notes, from length r to c at [12 * r + c].
std::optional<std::array<double, 144>> note_length_transitions(std::span<const Note> notes, const Meter& meter);

// How alike bars are in rhythm. A bar is a vector of 64 positions, 1 where a note begins; two bars are alike to
// 1 - (positions that differ) / 64. Bars from the one that holds tick `from`, before which there are no
// notes, to the last one in which a note begins.
struct Groove {
  double pairs = 0;     // the mean over all pairs of bars: GS of Wu and Yang (ISMIR 2020), who sample pairs
  double adjacent = 0;  // the mean over bars and the next one, as muspy has it
};
// None for fewer than two bars, or more than kMaxBars.
std::optional<Groove> groove(std::span<const Note> notes, const Meter& meter, std::int64_t from = 0);

}  // namespace polonaise::io
