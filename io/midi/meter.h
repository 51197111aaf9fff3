#pragma once

#include <cstdint>
#include <vector>

#include "io/midi/score.h"

namespace polonaise::io {

// Bars of a score by arithmetic, without a list of them: any tick, any meter, also bars shorter than a tick. 4/4 before
// the first time signature; a time signature begins a bar, so that the one before it may be cut short.
class Meter {
 public:
  explicit Meter(const Score& score);

  // The bar that holds the tick, from 0 on.
  std::int64_t bar(std::int64_t tick) const;
  // Where a bar begins, in ticks; bars past the last time signature go on for ever.
  double start(std::int64_t bar) const;
  // How long an uncut bar is at this tick, in ticks; above 0.
  double bar_ticks(std::int64_t tick) const;
  // Which of the equal parts of an uncut bar holds the tick, 0..parts-1.
  int position(std::int64_t tick, int parts) const;

 private:
  struct Segment {
    std::int64_t tick;
    std::int64_t bar;  // at `tick`
    std::int64_t numerator, denominator;
  };
  const Segment& segment(std::int64_t tick) const;
  // A bar lasts numerator * quarters_ / denominator ticks: the product is a whole number.
  std::int64_t scaled_bar(const Segment& at) const { return at.numerator * quarters_; }

  std::int64_t quarters_;  // ticks of four quarters
  std::vector<Segment> segments_;
};

}  // namespace polonaise::io
