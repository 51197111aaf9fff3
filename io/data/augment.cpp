#include "io/data/augment.h"

#include <algorithm>
#include <cmath>

namespace polonaise::io {
namespace {

constexpr std::uint32_t kSlowestTempo = 0xffffff;  // microseconds a quarter, all that MIDI can say
constexpr int kRollKeys = 88;

}  // namespace

Score transpose(const Score& score, int semitones, Warnings& warnings) {
  Score moved = score;
  moved.notes.clear();
  for (Note note : score.notes) {
    const int pitch = note.channel == kPercussionChannel ? note.pitch : note.pitch + semitones;
    if (pitch < 0 || pitch > 127) {
      warnings.add("notes transposed out of range dropped");
      continue;
    }
    note.pitch = static_cast<std::uint8_t>(pitch);
    moved.notes.push_back(note);
  }
  return moved;
}

Score scale_tempo(const Score& score, double factor) {
  Score scaled = score;
  if (scaled.tempos.empty() || scaled.tempos.front().tick > 0) scaled.tempos.insert(scaled.tempos.begin(), Tempo{});
  for (Tempo& tempo : scaled.tempos) {
    const double microseconds = std::round(tempo.microseconds_per_quarter / factor);
    tempo.microseconds_per_quarter = static_cast<std::uint32_t>(std::clamp<double>(microseconds, 1, kSlowestTempo));
  }
  return scaled;
}

Events transpose_roll(const EventsView& roll, int semitones, Warnings& warnings) {
  Events moved(EventKind::frames);
  std::vector<std::uint8_t> keys;
  for (std::int64_t i = 0; i < roll.size(); ++i) {
    keys.clear();
    for (const std::uint8_t key : roll.frame(i)) {
      const int to = key + semitones;
      if (to < 0 || to >= kRollKeys) {
        warnings.add("keys transposed out of range dropped");
        continue;
      }
      keys.push_back(static_cast<std::uint8_t>(to));
    }
    moved.push_frame(keys);
  }
  return moved;
}

}  // namespace polonaise::io
