#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include "io/midi/score.h"

namespace polonaise::io {

// Where measuring begins: with the continuation of a piece that has one.
inline std::int64_t measured_from(const Score& score) {
  return score.continuation.value_or(0);
}

// What is measured: the notes that begin at tick `from` or later but percussion, by (onset, pitch); of two that agree
// in both the one that came first.
inline std::vector<Note> pitched_notes(const Score& score, std::int64_t from = 0) {
  std::vector<Note> notes;
  notes.reserve(score.notes.size());
  for (const Note& note : score.notes) {
    if (note.channel != kPercussionChannel && note.onset >= from) notes.push_back(note);
  }
  std::ranges::stable_sort(
      notes, [](const Note& a, const Note& b) { return std::tie(a.onset, a.pitch) < std::tie(b.onset, b.pitch); });
  return notes;
}

}  // namespace polonaise::io
