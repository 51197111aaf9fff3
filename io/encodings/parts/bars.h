#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "io/encodings/parts/lengths.h"
#include "io/midi/score.h"

namespace polonaise::io {

// A score's bars on the grid of lengths.h, in the meters that have a token. A bar of another meter is written as the
// fewest equal bars of up to four, 4/2 as two of 2/2, or else the longest ones first, 13/8 as 12/8 and 1/8; so is one
// that the next time signature cuts short. What is left of it below 1/64 is rounded.

struct TokenMeter {
  int numerator;
  int denominator;
  constexpr int length() const { return 4 * static_cast<int>(kGridPerQuarter) * numerator / denominator; }
};

inline constexpr int kMeters = 22;
// The first of two meters of one length is taken where neither is the score's.
inline constexpr std::array<TokenMeter, kMeters> kMeterTable = {
    {{4, 4}, {3, 4}, {2, 4}, {6, 8}, {2, 2}, {3, 8},  {9, 8},  {6, 4}, {12, 8}, {3, 2},  {12, 16},
     {5, 4}, {4, 8}, {7, 8}, {5, 8}, {1, 4}, {6, 16}, {3, 16}, {1, 8}, {1, 16}, {1, 32}, {1, 64}}};
inline constexpr int kLongestBar = 288;

inline constexpr TokenMeter meter_of(int index) {
  return kMeterTable[static_cast<std::size_t>(index)];
}

class Bars {
 public:
  // 4/4 where and until the score says nothing.
  explicit Bars(const Score& score);

  struct Place {
    std::int64_t bar = 0;       // counted from the score's beginning
    std::int64_t position = 0;  // grid steps in it
  };
  // Place of a time, in grid steps from the score's beginning. Later times have no earlier place.
  Place place(std::int64_t time) const;
  int meter(std::int64_t bar) const;  // index into kMeterTable

  // Time signatures that are none of the table's.
  std::int64_t rewritten() const { return rewritten_; }

 private:
  // Bars of the meters `pieces`, again and again from `start` on.
  struct Stretch {
    std::int64_t start = 0;
    std::int64_t first_bar = 0;
    std::int64_t rounds = 0;
    std::int64_t length = 0;  // of a round
    std::vector<int> pieces;
  };
  void add(std::int64_t start, std::int64_t end, const TimeSignature& signature);

  std::vector<Stretch> stretches_;
  std::int64_t bars_ = 0;
  std::int64_t rewritten_ = 0;
};

}  // namespace polonaise::io
