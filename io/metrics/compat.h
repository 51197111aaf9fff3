#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "io/midi/score.h"

// What other packages print for a piece, their faults included, so that published numbers can be compared. Held to the
// packages themselves by tests/io/metrics/golden/make_golden.py.
namespace polonaise::io {

struct CompatValue {
  std::string_view name;        // the package's
  std::optional<double> value;  // none where the package returns NaN or raises
};

// muspy 0.5.0, muspy.read(FILE) and muspy.metrics; a measure is the bar of the first time signature (4/4 without).
// - polyphony_rate asks for 3 pitches, though it means several.
// - a note fills the beat and the measure in whose first tick it ends; one more of each is added at the end, so that
//   groove_consistency compares the last bar with an empty one where the piece fills its bars.
// - percussion has no pitch but fills beats and bars; a piece of nothing else has a range of -127.
// The piece ends with its last note or pedal; control changes of other kinds, which the package counts, are not kept in
// a Score.
std::vector<CompatValue> muspy_metrics(const Score& score);

// pypianoroll 1.0.4, pypianoroll.read(FILE, algorithm="custom", first_beat_time=0), the tracks but percussion joined by
// blend("any"), and pypianoroll.metrics on it, 24 steps to a beat.
// - empty_beat_rate is the share of beats that are not empty.
// - polyphonic_rate asks for 3 pitches.
// - n_pitch_classes_used and in_scale_rate have tens of pitches (0-9, 10-19, ...) for pitch classes.
// - a beat is a dotted note in meters of 6, 9, 12, ...; what ends between two steps is cut to the first of them.
// None throughout for a piece of less than two beats or more than 65536 (where the package raises, or takes gigabytes)
// and for one with several meters, or notes of no length or overlapping on one pitch, which it reads otherwise.
std::vector<CompatValue> pypianoroll_metrics(const Score& score);

}  // namespace polonaise::io
