#include "io/data/augment.h"

#include <gtest/gtest.h>

namespace polonaise::io {
namespace {

TEST(Augmentation, TransposesAllButPercussion) {
  Score score;
  score.notes = {{0, 1, 60, 80, 0, 0, 0}, {0, 1, 120, 80, 0, 0, 0}, {0, 1, 36, 80, 9, 0, 0}};
  Warnings warnings;
  const Score up = transpose(score, 12, warnings);
  ASSERT_EQ(up.notes.size(), 2U);
  EXPECT_EQ(up.notes[0].pitch, 72);
  EXPECT_EQ(up.notes[1].pitch, 36);
  EXPECT_EQ(warnings.entries().at(0).count, 1);
}

TEST(Augmentation, TempoScalesFromTheFirstTickOn) {
  Score score;
  score.tempos = {{480, 1000000}};
  EXPECT_EQ(scale_tempo(score, 2).tempos, (std::vector<Tempo>{{0, 250000}, {480, 500000}}));
  EXPECT_EQ(scale_tempo(Score{}, 0.5).tempos, (std::vector<Tempo>{{0, 1000000}}));
  EXPECT_EQ(scale_tempo(Score{}, 1e-9).tempos[0].microseconds_per_quarter, 0xffffffU);
}

}  // namespace
}  // namespace polonaise::io
