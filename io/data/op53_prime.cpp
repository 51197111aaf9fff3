#include "io/data/op53_prime.h"

namespace polonaise::io {

Score op53_prime() {
  constexpr std::int64_t kQuarter = 480;
  struct Chord {
    int onset;  // in sixteenths
    int length;
    std::vector<std::uint8_t> pitches;
  };
  const Chord chords[] = {{0, 2, {27, 39, 51, 63}},     {6, 1, {49, 52, 57}},  {7, 1, {50, 53, 58}},
                          {8, 1, {51, 54, 59}},         {9, 1, {52, 55, 60}},  {10, 1, {53, 56, 61}},
                          {11, 1, {54, 57, 62}},        {12, 4, {55, 58, 63}}, {16, 4, {39, 46, 55, 58}},
                          {20, 4, {50, 56, 59, 64, 68}}};
  Score score;
  score.ticks_per_quarter = kQuarter;
  score.tempos = {{0, 666667}};
  score.time_signatures = {{0, 3, 4}};
  for (const Chord& chord : chords) {
    for (const std::uint8_t pitch : chord.pitches) {
      score.notes.push_back({chord.onset * kQuarter / 4, chord.length * kQuarter / 4, pitch, 80, 0, 0, 0});
    }
  }
  return score;
}

}  // namespace polonaise::io
