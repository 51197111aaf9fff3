#include "io/midi/meter.h"

#include <algorithm>
#include <iterator>

namespace polonaise::io {

Meter::Meter(const Score& score) : quarters_(4 * std::max<std::int64_t>(score.ticks_per_quarter, 1)) {
  segments_.push_back({0, 0, 4, 4});
  for (const TimeSignature& meter : score.time_signatures) {
    const Segment& before = segments_.back();
    const std::int64_t scaled = (meter.tick - before.tick) * before.denominator;
    const std::int64_t bars = (scaled + scaled_bar(before) - 1) / scaled_bar(before);
    const Segment next{meter.tick, before.bar + bars, std::max<std::int64_t>(meter.numerator, 1),
                       std::max<std::int64_t>(meter.denominator, 1)};
    if (before.tick == meter.tick) segments_.pop_back();
    segments_.push_back(next);
  }
}

const Meter::Segment& Meter::segment(std::int64_t tick) const {
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), tick,
                                      [](std::int64_t at, const Segment& one) { return at < one.tick; });
  return after == segments_.begin() ? *after : *std::prev(after);
}

std::int64_t Meter::bar(std::int64_t tick) const {
  const Segment& at = segment(tick);
  return at.bar + (tick - at.tick) * at.denominator / scaled_bar(at);
}

double Meter::start(std::int64_t bar) const {
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), bar,
                                      [](std::int64_t number, const Segment& one) { return number < one.bar; });
  const Segment& at = after == segments_.begin() ? *after : *std::prev(after);
  const auto bars = static_cast<double>(bar - at.bar);
  return static_cast<double>(at.tick) +
         bars * static_cast<double>(scaled_bar(at)) / static_cast<double>(at.denominator);
}

double Meter::bar_ticks(std::int64_t tick) const {
  const Segment& at = segment(tick);
  return static_cast<double>(scaled_bar(at)) / static_cast<double>(at.denominator);
}

int Meter::position(std::int64_t tick, int parts) const {
  const Segment& at = segment(tick);
  const std::int64_t phase = (tick - at.tick) * at.denominator % scaled_bar(at);
  return static_cast<int>(phase * parts / scaled_bar(at));
}

}  // namespace polonaise::io
