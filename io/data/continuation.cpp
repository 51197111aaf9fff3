#include "io/data/continuation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <optional>
#include <vector>

#include "io/midi/meter.h"

namespace polonaise::io {
namespace {

// The onset of the first note behind a tick, or else the tick after it.
std::int64_t next_onset(const Score& score, std::int64_t tick) {
  const auto next = std::ranges::upper_bound(score.notes, tick, {}, &Note::onset);
  return next == score.notes.end() ? tick + 1 : next->onset;
}

// The changes from `start` on, and before them the one in force there.
template <class T>
std::vector<T> changes_from(const std::vector<T>& changes, std::int64_t start) {
  auto first = std::ranges::upper_bound(changes, start, {}, &T::tick);
  if (first != changes.begin()) --first;
  std::vector<T> later(first, changes.end());
  for (T& change : later) change.tick = std::max<std::int64_t>(change.tick - start, 0);
  return later;
}

// A meter begins a bar, so that it stands again where the bar ends that `start` lies in.
std::vector<TimeSignature> meters_from(const Score& score, std::int64_t start) {
  std::vector<TimeSignature> meters = changes_from(score.time_signatures, start);
  if (meters.empty() || meters.front().tick > 0) return meters;
  const Meter bars(score);
  const std::int64_t bar = bars.bar(start);
  if (std::llround(bars.start(bar)) == start) return meters;
  TimeSignature again = meters.front();
  again.tick = std::llround(bars.start(bar + 1)) - start;
  if (meters.size() == 1 || meters[1].tick > again.tick) meters.insert(meters.begin() + 1, again);
  return meters;
}

std::vector<Pedal> pedals_from(const std::vector<Pedal>& pedals, std::int64_t start) {
  std::array<bool, 16> down{};
  auto next = pedals.begin();
  for (; next != pedals.end() && next->tick <= start; ++next) down[next->channel & 0x0F] = next->down;
  std::vector<Pedal> later;
  for (std::uint8_t channel = 0; channel < down.size(); ++channel) {
    if (down[channel]) later.push_back({0, channel, true});
  }
  for (; next != pedals.end(); ++next) later.push_back({next->tick - start, next->channel, next->down});
  return later;
}

}  // namespace

Score decode_continuation(const Encoding& encoding, const EventsView& events, std::int64_t opening) {
  Score score = encoding.decode(events);
  if (opening == 0) return score;
  const Standing given = encoding.standing(events, opening);
  score.continuation = given.struck ? next_onset(score, given.tick) : given.tick;
  return score;
}

Score without_opening(const Score& score) {
  if (!score.continuation) return score;
  const std::int64_t start = *score.continuation;
  Score drawn;
  drawn.ticks_per_quarter = score.ticks_per_quarter;
  for (Note note : score.notes) {
    if (note.onset < start) continue;
    note.onset -= start;
    drawn.notes.push_back(note);
  }
  drawn.tempos = changes_from(score.tempos, start);
  drawn.time_signatures = meters_from(score, start);
  drawn.pedals = pedals_from(score.pedals, start);
  return drawn;
}

// An encoding keeps as many notes of an opening whatever follows it, and keeps their order.
Score as_kept(const Encoding& encoding, const Score& score) {
  const auto kept_of = [&](const Score& whole) {
    LossReport losses;
    return encoding.decode(encoding.encode(whole, losses).view());
  };
  Score kept = kept_of(score);
  if (!score.continuation) return kept;
  Score opening = score;
  std::erase_if(opening.notes, [&](const Note& note) { return note.onset >= *score.continuation; });
  const auto given = std::min(kept_of(opening).notes.size(), kept.notes.size());
  kept.continuation = given == 0 ? 0 : next_onset(kept, kept.notes[given - 1].onset);
  return kept;
}

}  // namespace polonaise::io
