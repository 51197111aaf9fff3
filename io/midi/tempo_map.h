#pragma once

#include <cstdint>
#include <vector>

#include "io/midi/score.h"

namespace polonaise::io {

// Seconds and ticks of a score, both ways. Before the first tempo, and without any, a quarter lasts half a second.
class TempoMap {
 public:
  explicit TempoMap(const Score& score);

  double seconds(std::int64_t tick) const;
  std::int64_t tick(double seconds) const;  // the nearest; negative seconds give 0

 private:
  struct Segment {
    std::int64_t tick;
    double seconds;           // at `tick`
    double seconds_per_tick;  // from `tick` on
  };
  std::vector<Segment> segments_;  // never empty, the first at tick 0, ticks rising
};

// Until the last note ends.
double seconds_of(const Score& score);

}  // namespace polonaise::io
