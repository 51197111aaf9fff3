#include "io/metrics/texture.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "io/metrics/pitched.h"

namespace polonaise::io {

std::optional<double> Texture::polyphony() const {
  if (sounding == 0) return std::nullopt;
  return static_cast<double>(pitch_ticks) / static_cast<double>(sounding);
}

std::optional<double> Texture::polyphony_rate() const {
  if (ticks == 0) return std::nullopt;
  return static_cast<double>(polyphonic) / static_cast<double>(ticks);
}

Texture texture(std::span<const Note> notes, int several, std::int64_t from) {
  struct Change {
    std::int64_t tick;
    int step;
    std::uint8_t pitch;
  };
  std::vector<Change> changes;
  for (const Note& note : notes) {
    if (note.duration == 0) continue;
    changes.push_back({note.onset, 1, note.pitch});
    changes.push_back({note.end(), -1, note.pitch});
  }
  std::ranges::sort(changes, {}, &Change::tick);
  Texture sum;
  sum.ticks = std::max<std::int64_t>(last_end(notes) - from, 0);
  std::array<int, 256> held{};
  int pitches = 0;
  std::int64_t last = 0;
  for (const Change& change : changes) {
    const std::int64_t ticks = change.tick - last;
    if (pitches > 0) sum.sounding += ticks;
    if (pitches >= several) sum.polyphonic += ticks;
    sum.pitch_ticks += pitches * ticks;
    last = change.tick;
    int& count = held[change.pitch];
    pitches -= count > 0;
    count += change.step;
    pitches += count > 0;
  }
  return sum;
}

std::optional<double> empty_beat_rate(std::span<const Note> notes, std::int64_t ticks_per_quarter, std::int64_t from) {
  if (notes.empty()) return std::nullopt;
  const std::int64_t before = from / ticks_per_quarter;
  std::int64_t beats = before, filled = 0;  // beats that notes so far reach to
  for (const Note& note : notes) {
    const std::int64_t first = note.onset / ticks_per_quarter;
    const std::int64_t after = std::max(first, (note.end() - 1) / ticks_per_quarter) + 1;
    filled += std::max<std::int64_t>(0, after - std::max(first, beats));
    beats = std::max(beats, after);
  }
  return static_cast<double>(beats - before - filled) / static_cast<double>(beats - before);
}

}  // namespace polonaise::io
