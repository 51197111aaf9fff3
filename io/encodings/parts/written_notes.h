#pragma once

#include <cstdint>
#include <vector>

#include "io/encodings/parts/articulation.h"
#include "io/encodings/parts/grid_notes.h"
#include "io/encodings/parts/rules.h"
#include "io/encodings/parts/tokens.h"

namespace polonaise::io {

// Notes written as pitch, velocity and length, each a token, on the grid of lengths.h: what tsd and remi share.

inline constexpr int kWrittenKeys = 88;
inline constexpr int kLowestWritten = 21;

inline constexpr int kPitchToken = 0;
inline constexpr int kVelocityToken = kPitchToken + kWrittenKeys;
inline constexpr int kLengthToken = kVelocityToken + kVelocities;
inline constexpr int kAfterNoteTokens = 240;

// Gives each of one_note_a_key()'s notes the nearest length in the table that ends before its key is struck again.
// Counts what changes.
void round_lengths(std::vector<GridNote>& notes, LossReport& report);

// Counts the notes of the score whose beginnings the grid moves.
void count_moved(const Score& score, LossReport& report);

// Collects notes from tokens. A note begins where its pitch is and is complete with its length; a velocity holds for
// all that follow, 64 before any.
class NoteReader {
 public:
  // False for a token that is no part of a note.
  bool read(int token, std::int64_t now);
  // `moved`: the last token moved time on to `now`, where the piece ends then; notes sound no longer.
  std::vector<GridNote> finish(std::int64_t now, bool moved);

  int articulation = kLegato;  // of the notes to come: how long they sound of what is written

 private:
  std::vector<GridNote> notes_;
  int pitch_ = -1;  // of a note begun
  std::int64_t on_ = 0;
  std::uint8_t velocity_ = kFirstVelocity;
};

// What a grammar says of notes: their tokens stand together, pitch, velocity, articulation if there is one, length;
// their pitches and number are as asked for. Takes the counters from 0 on.
void add_note_rules(Rules& rules, const GrammarOptions& options, TokenRange articulation);

}  // namespace polonaise::io
