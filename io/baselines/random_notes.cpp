#include "io/baselines/random_notes.h"

#include <algorithm>
#include <tuple>

#include "io/files/splitmix64.h"

namespace polonaise::io {
namespace {

constexpr std::int64_t kPerQuarter = 4;  // sixteenths
constexpr std::uint64_t kLongest = 16;   // sixteenths
constexpr int kLowestKey = 21, kKeys = 88;

}  // namespace

Score random_notes(const Score& score, std::uint64_t seed) {
  Score random = score;
  const std::int64_t from = score.continuation.value_or(0);
  std::erase_if(random.notes,
                [from](const Note& note) { return note.channel == kPercussionChannel || note.onset < from; });
  random.pedals.clear();
  const auto tick = [&](std::int64_t sixteenth) { return sixteenth * score.ticks_per_quarter / kPerQuarter; };
  const std::int64_t sixteenths =
      std::max<std::int64_t>(1, (last_end(random.notes) - from) * kPerQuarter / score.ticks_per_quarter);
  Random draw(seed);
  for (Note& note : random.notes) {
    const auto onset = static_cast<std::int64_t>(draw.below(static_cast<std::uint64_t>(sixteenths)));
    note.onset = from + tick(onset);
    note.duration = tick(onset + 1 + static_cast<std::int64_t>(draw.below(kLongest))) - tick(onset);
    note.pitch = static_cast<std::uint8_t>(kLowestKey + static_cast<int>(draw.below(kKeys)));
    note.velocity = static_cast<std::uint8_t>(1 + draw.below(127));
  }
  std::ranges::sort(random.notes, {}, [](const Note& note) {
    return std::tuple(note.onset, note.pitch, note.track, note.channel, note.duration, note.velocity, note.program);
  });
  return random;
}

}  // namespace polonaise::io
