#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/midi/score.h"

namespace polonaise::io {

// Whether a piece was copied: its longest runs of consecutive notes that a training piece holds as well.
//
// Notes (without percussion) are ordered by (onset, pitch), where notes that begin less than 1/24 quarter after the
// first of a chord begin with it. Each note but the first is a step from the one before it. Two steps are the same
//   exactly      when they lead between the same pitches, at the same distance of onsets in 1/48 quarters
//   transposed   when they span the same interval, and both or neither lie within a chord, and the distance of onsets
//                stands in the same ratio to the distance before it (to a half octave: 1, 3/2, 2, 3, 4 times are told
//                apart, a tenth more or less is not). So neither key nor tempo matters.
// What sounds how long does not enter: articulation and pedal would hide a copy. A run of k steps has k + 1 notes. A
// copied passage is found transposed from its second onset on, as the first distance has nothing to stand in a ratio
// to; where it is exact the exact run counts as transposed too, so that `transposed` never falls below `exact`.

inline constexpr std::array<int, 4> kNoveltyThresholds = {8, 12, 16, 24};
// Notes by the longest run that they are in: below 4, 4 to 7, 8 to 11, 12 to 15, 16 to 23, 24 to 31, 32 to 63, 64 and
// more. What is in no run of two notes is among the first.
inline constexpr std::array<int, 7> kNoveltyEdges = {4, 8, 12, 16, 24, 32, 64};

struct Copied {
  std::int64_t longest = 0;  // notes of the longest run; 0 where not two notes were found
  bool whole = false;        // all of the piece is this one run
  // The training piece that has it. Of several runs as long: first one that is a whole training piece, then an exact
  // one, then the first in this piece, and of that the first training piece.
  std::string source;
  std::int64_t source_bar = 0;  // where it begins there, and
  std::int64_t bar = 0;         // in this piece: bars from 1; 0 where there is no run
  // Share of the notes, 0..1, that are in runs of at least so many.
  std::array<double, kNoveltyThresholds.size()> share{};
  std::array<std::int64_t, kNoveltyEdges.size() + 1> histogram{};  // notes
};

struct PieceNovelty {
  std::int64_t notes = 0;  // pieces with fewer than 2 have nothing to compare: all is 0
  Copied exact;
  Copied transposed;
};

// Training pieces as two suffix automata (Blumer et al., Theoretical Computer Science 40, 1985), over exact and over
// transposed steps. Adding takes time proportional to the notes, comparing to those of the piece compared. Memory: at
// most 250 bytes a training note for each automaton, and 4 for the bars; about 210 in all for real scores
// (bench/README.md).
class NoveltyIndex {
 public:
  NoveltyIndex();
  ~NoveltyIndex();
  NoveltyIndex(NoveltyIndex&&) noexcept;
  NoveltyIndex& operator=(NoveltyIndex&&) noexcept;

  // All of a score. Throws Error past 2^30 notes in all.
  void add(std::string_view name, const Score& score);
  std::int64_t pieces() const;
  std::int64_t notes() const;
  std::size_t bytes() const;  // of memory in use

  // Looks at a score's continuation alone where it has one; bars are those of the whole. May be called by several
  // threads at once.
  PieceNovelty compare(const Score& score) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace polonaise::io
