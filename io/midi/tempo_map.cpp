#include "io/midi/tempo_map.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace polonaise::io {

TempoMap::TempoMap(const Score& score) {
  const auto ticks_per_quarter = static_cast<double>(score.ticks_per_quarter);
  segments_.push_back({0, 0.0, 0.5 / ticks_per_quarter});
  for (const Tempo& tempo : score.tempos) {
    const double start = seconds(tempo.tick);
    if (segments_.back().tick >= tempo.tick) segments_.pop_back();
    segments_.push_back({tempo.tick, start, tempo.microseconds_per_quarter * 1e-6 / ticks_per_quarter});
  }
}

double TempoMap::seconds(std::int64_t tick) const {
  auto after = std::upper_bound(segments_.begin(), segments_.end(), tick,
                                [](std::int64_t at, const Segment& segment) { return at < segment.tick; });
  if (after != segments_.begin()) --after;
  return after->seconds + static_cast<double>(tick - after->tick) * after->seconds_per_tick;
}

std::int64_t TempoMap::tick(double seconds) const {
  auto after = std::upper_bound(segments_.begin(), segments_.end(), seconds,
                                [](double at, const Segment& segment) { return at < segment.seconds; });
  if (after != segments_.begin()) --after;
  const double tick = static_cast<double>(after->tick) + (seconds - after->seconds) / after->seconds_per_tick;
  if (!(tick > 0)) return 0;
  constexpr double kLast = 1LL << 62;
  return tick < kLast ? std::llround(tick) : std::int64_t{1} << 62;
}

double seconds_of(const Score& score) {
  return TempoMap(score).seconds(last_end(score.notes));
}

}  // namespace polonaise::io
