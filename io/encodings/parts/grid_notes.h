#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "io/encodings/encoding.h"
#include "io/midi/score.h"

namespace polonaise::io {

// What the encodings share: notes on an encoding's own time grid.

struct GridNote {
  std::int64_t on = 0;   // grid steps
  std::int64_t off = 0;  // > on
  std::uint8_t pitch = 0;
  std::uint8_t velocity = 0;
  std::int64_t length() const { return off - on; }
};

// ticks * to / from, rounded to nearest; no overflow for to <= 2^10 (times past 2^52 stay there).
std::int64_t rescale(std::int64_t ticks, std::int64_t from, std::int64_t to);

// The notes that are not percussion and of a pitch in low..high, sorted by (on, pitch, off). `to_grid` maps a tick to a
// step, monotonically. A note lasts one step at least. Counts all notes, and what was left out.
std::vector<GridNote> grid_notes(const Score& score, int low, int high,
                                 const std::function<std::int64_t(std::int64_t)>& to_grid, LossReport& report);

// Moves the notes so that the first begins at 0; returns where it began.
std::int64_t start_at_zero(std::vector<GridNote>& notes);

// One note a key at a time: doubled notes become one, a note ends where its key is struck again. `notes` as grid_notes
// gives them.
std::vector<GridNote> one_note_a_key(const std::vector<GridNote>& notes, LossReport& report);

// The latest end, 0 without notes.
std::int64_t last_end(const std::vector<GridNote>& notes);

// Shortens every stretch longer than `longest` that has none of the times, which are moved, so that a piece's events
// are bounded by its notes, whatever times a file claims. Keeps the order.
void shorten_empty_stretches(std::vector<std::int64_t*> times, std::int64_t longest, LossReport& report);

// All beginnings and ends.
std::vector<std::int64_t*> times_of(std::vector<GridNote>& notes);

void count_loss(LossReport& report, std::string_view kind, std::int64_t count);

// Piano notes in ticks as a score without pedal or meter, 120 quarters a minute; sorts them.
Score piano_score(std::int64_t ticks_per_quarter, std::vector<Note> notes);
// piano_score() of notes in steps of so many ticks.
Score grid_score(const std::vector<GridNote>& notes, std::int64_t ticks_per_quarter, std::int64_t ticks_per_step);

}  // namespace polonaise::io
