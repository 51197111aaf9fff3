#include "io/encodings/parts/written_notes.h"

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>
#include <utility>

#include "io/encodings/parts/lengths.h"

namespace polonaise::io {

static_assert(kAfterNoteTokens == kLengthToken + kLengths);

void round_lengths(std::vector<GridNote>& notes, LossReport& report) {
  std::array<std::int64_t, 128> struck;
  struck.fill(std::numeric_limits<std::int64_t>::max());
  std::int64_t rounded = 0;
  for (std::size_t i = notes.size(); i > 0; --i) {
    GridNote& note = notes[i - 1];
    const std::int64_t before = note.length();
    const std::int64_t gap = std::exchange(struck[note.pitch], note.on) - note.on;
    const std::int64_t nearest = length_of(nearest_length(before));
    note.off = note.on + (nearest <= gap ? nearest : length_of(length_within(gap)));
    rounded += note.length() != before;
  }
  count_loss(report, "lengths rounded", rounded);
}

void count_moved(const Score& score, LossReport& report) {
  const std::int64_t quarter = score.ticks_per_quarter;
  count_loss(report, "notes moved to the grid", std::ranges::count_if(score.notes, [&](const Note& note) {
               return note.onset % quarter * kGridPerQuarter % quarter != 0;
             }));
}

bool NoteReader::read(int token, std::int64_t now) {
  if (token < kVelocityToken) {
    pitch_ = kLowestWritten + token - kPitchToken;
    on_ = now;
  } else if (token < kLengthToken) {
    velocity_ = bin_velocity(token - kVelocityToken);
  } else if (token < kAfterNoteTokens) {
    if (pitch_ < 0) return true;
    const std::int64_t written = length_of(token - kLengthToken);
    const std::int64_t sounding = length_of(nearest_length(sounding_length(written, articulation)));
    notes_.push_back({on_, on_ + sounding, static_cast<std::uint8_t>(pitch_), velocity_});
    pitch_ = -1;
  } else {
    return false;
  }
  return true;
}

std::vector<GridNote> NoteReader::finish(std::int64_t now, bool moved) {
  std::ranges::sort(notes_, {}, [](const GridNote& n) { return std::tuple(n.on, n.pitch, n.off, n.velocity); });
  LossReport none;
  std::vector<GridNote> notes = one_note_a_key(notes_, none);
  if (!moved) return notes;
  for (GridNote& note : notes) {
    if (note.on < now) note.off = std::min(note.off, now);
  }
  return notes;
}

void add_note_rules(Rules& rules, const GrammarOptions& options, TokenRange articulation) {
  rules.forbid_keys(options, kPitchToken, kWrittenKeys, kLowestWritten);
  rules.add_counter(options.max_polyphony);
  if (options.max_polyphony > 0) {
    for (int key = 0; key < kWrittenKeys; ++key) rules.change(kPitchToken + key, {0, 1, -1});
    for (int i = 0; i < kLengths; ++i) rules.change(kLengthToken + i, {0, 1, length_of(i)});
  }
  std::vector<TokenRange> parts = {{kPitchToken, kWrittenKeys}, {kVelocityToken, kVelocities}};
  if (articulation) parts.push_back(articulation);
  parts.push_back({kLengthToken, kLengths});
  rules.keep_together(parts);
}

}  // namespace polonaise::io
