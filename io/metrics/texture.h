#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "io/midi/score.h"

// How many notes sound at once. Notes are those of pitched_notes(); time is counted in ticks.
namespace polonaise::io {

// Sounding time by the number of different pitches, over the piece from its beginning until the last note ends. Notes
// of length 0 do not sound.
struct Texture {
  std::int64_t ticks = 0;        // of the piece
  std::int64_t sounding = 0;     // with at least one pitch
  std::int64_t polyphonic = 0;   // with at least `several`
  std::int64_t pitch_ticks = 0;  // the sum over the piece of the number of pitches

  // The mean number of pitches while any sounds; none where nothing does.
  std::optional<double> polyphony() const;
  // The share of the piece with several pitches; none where it has no length.
  std::optional<double> polyphony_rate() const;
};
// `several` is 2; muspy and pypianoroll, which mean to ask for 2, ask for 3. The piece begins at tick `from`, before
// which there are no notes.
Texture texture(std::span<const Note> notes, int several = 2, std::int64_t from = 0);

// The share of quarter notes, from the one that holds tick `from` until the last note ends, in which none sounds.
// (pypianoroll returns the rest of 1; muspy has the quarter in which a note ends filled too, and adds one at the end.)
// A note of length 0 counts where it stands. None without notes.
std::optional<double> empty_beat_rate(std::span<const Note> notes, std::int64_t ticks_per_quarter,
                                      std::int64_t from = 0);

}  // namespace polonaise::io
