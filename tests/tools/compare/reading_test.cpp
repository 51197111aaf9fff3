#include "tools/compare/reading.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/tools/compare/hand_made.h"

namespace polonaise::tools {
namespace {

TEST(CompareReading, LiesOnALineOverTheLogarithm) {
  const std::vector<CurvePoint> curve = {{1000, 2, 8}, {4000, 8, 6}, {8000, 16, 5.5}};
  EXPECT_DOUBLE_EQ(*loss_at(curve, Axis::targets, 4000), 6);
  EXPECT_DOUBLE_EQ(*loss_at(curve, Axis::targets, 2000), 7);
  EXPECT_DOUBLE_EQ(*loss_at(curve, Axis::seconds, 16), 5.5);
  EXPECT_NEAR(*loss_at(curve, Axis::seconds, 8 * std::sqrt(2.0)), 5.75, 1e-12);
  EXPECT_FALSE(loss_at(curve, Axis::targets, 999));
  EXPECT_FALSE(loss_at(curve, Axis::targets, 8001));
  EXPECT_FALSE(loss_at({}, Axis::targets, 1));
  EXPECT_FALSE(loss_at({{10, 0, 3}, {20, 1, 2}}, Axis::seconds, 0.5)) << "no logarithm of 0";
}

TEST(CompareReading, IsTakenWhereAllHaveBeen) {
  const Results r = hand_made({trained("rnn", 24, 160'000, 0.29, 40'000), trained("lstm", 24, 40'000, 0.5, 10'000),
                               trained("gru", 24, 80'000, 0.4, 10'000)});
  const Reading data = read_off(judged(r, "cpu"), Axis::targets);
  EXPECT_EQ(data.at, 40'000);
  ASSERT_EQ(data.entries.size(), 3u);
  EXPECT_EQ(data.entries[0].combination->combination.model, "lstm");
  EXPECT_DOUBLE_EQ(data.entries[0].loss, 8.5);
  EXPECT_DOUBLE_EQ(data.best_of("gru")->loss, 8.8);
  EXPECT_DOUBLE_EQ(data.of(r.combinations[0])->loss, 9.13);
  const Reading time = read_off(judged(r, "cpu"), Axis::seconds);
  EXPECT_EQ(time.at, 4);
  EXPECT_EQ(time.entries[0].combination->combination.model, "lstm");
  EXPECT_DOUBLE_EQ(time.best_of("rnn")->loss, 8.55);
  EXPECT_EQ(time.best_of("transformer"), nullptr);
  EXPECT_TRUE(read_off({}, Axis::targets).entries.empty());
}

TEST(CompareReading, LeavesOutWhatSawTooLittleOrFailed) {
  Results r = hand_made({trained("rnn", 24, 10'000, 0.3, 40'000), trained("lstm", 24, 20'000, 0.5, 10'000),
                         trained("gru", 24, 80'000, 0.4, 10'000)});
  r.combinations[2].stage = Stage::failed;
  const auto all = judged(r, "cpu");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]->combination.model, "lstm");
  EXPECT_TRUE(judged(r, "cuda").empty());
}

TEST(CompareReading, ADuelIsFoughtAtEachLengthBothWereJudgedAt) {
  const Results r = hand_made({trained("bilstm", 24, 40'000, 0.6, 1'000), trained("lstm", 24, 80'000, 0.5, 10'000),
                               trained("bilstm", 48, 40'000, 0.501, 1'000), trained("lstm", 48, 160'000, 0.5, 10'000),
                               trained("lstm", 64, 40'000, 0.5, 10'000)});
  const Duel data = duel(r, "cpu", "bilstm", "lstm", Axis::targets);
  ASSERT_EQ(data.rounds.size(), 2u);
  EXPECT_EQ(data.rounds[0].seq, 24);
  EXPECT_EQ(data.rounds[0].at, 40'000);
  EXPECT_DOUBLE_EQ(data.rounds[0].first, 8.2);
  EXPECT_DOUBLE_EQ(data.rounds[0].second, 8.5);
  EXPECT_EQ(data.wins(), 1);
  EXPECT_EQ(data.losses(), 0) << "at 48 they are level";
  const Duel time = duel(r, "cpu", "bilstm", "lstm", Axis::seconds);
  ASSERT_EQ(time.rounds.size(), 2u);
  EXPECT_EQ(time.rounds[0].at, 8);
  EXPECT_EQ(time.losses(), 2);
  EXPECT_TRUE(duel(r, "cpu", "rnn", "lstm", Axis::targets).rounds.empty());
}

TEST(CompareReading, LevelIsWithinHalfAPercent) {
  EXPECT_TRUE(level(8.0, 8.039));
  EXPECT_FALSE(level(8.0, 8.05));
}

}  // namespace
}  // namespace polonaise::tools
