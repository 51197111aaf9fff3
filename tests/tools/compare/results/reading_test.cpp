#include "tools/compare/results/reading.h"

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

constexpr double kUnigram = 9.9;  // all that hand_made() trains are below it in the end

TEST(CompareReading, IsTakenWhereAllHaveBeen) {
  const Results r = hand_made({trained("rnn", 24, 160'000, 0.29, 40'000), trained("lstm", 24, 40'000, 0.5, 10'000),
                               trained("gru", 24, 80'000, 0.4, 10'000)});
  const std::vector<Network> networks = judged(networks_of(r));
  const Reading data = read_off(networks, Axis::targets, kUnigram);
  EXPECT_EQ(data.at, 40'000);
  ASSERT_EQ(data.entries.size(), 3u);
  EXPECT_EQ(data.entries[0].network.combination().model, "lstm");
  EXPECT_DOUBLE_EQ(data.entries[0].loss.mean, 8.5);
  EXPECT_DOUBLE_EQ(data.best_of("gru")->loss.mean, 8.8);
  EXPECT_DOUBLE_EQ(data.of(networks[0])->loss.mean, 9.13);
  const Reading time = read_off(networks, Axis::seconds, kUnigram);
  EXPECT_EQ(time.at, 4);
  EXPECT_EQ(time.entries[0].network.combination().model, "lstm");
  EXPECT_DOUBLE_EQ(time.best_of("rnn")->loss.mean, 8.55);
  EXPECT_EQ(time.best_of("transformer"), nullptr);
  EXPECT_TRUE(read_off({}, Axis::targets, kUnigram).entries.empty());
}

TEST(CompareReading, OfSeveralSeedsIsTakenWhereAllOfThemHaveBeen) {
  auto lstm = seeded("lstm", 24, 80'000, {0.4, 0.6}, 10'000);
  lstm[1] = trained("lstm", 24, 40'000, 0.6, 10'000, 80'000, 2);
  const Results r = with_seeds({lstm, seeded("rnn", 24, 160'000, {0.2, 0.3}, 40'000)});
  const std::vector<Network> networks = networks_of(r);
  ASSERT_EQ(networks.size(), 2u);
  const Reading data = read_off(networks, Axis::targets, kUnigram);
  EXPECT_EQ(data.at, 40'000);
  EXPECT_EQ(data.entries[0].network.combination().model, "lstm");
  EXPECT_DOUBLE_EQ(data.entries[0].loss.mean, 8.5);
  EXPECT_DOUBLE_EQ(data.entries[0].loss.least, 8.2);
  EXPECT_DOUBLE_EQ(data.entries[0].loss.greatest, 8.8);
  EXPECT_EQ(data.entries[0].loss.runs, 2);
  EXPECT_DOUBLE_EQ(data.entries[1].loss.mean, 9.25);
  EXPECT_FALSE(data.leads(data.entries[1])) << "ranges and means are apart";
}

TEST(CompareReading, ACourseOfSeveralSeedsEndsWhereTheFirstOfThemEnds) {
  auto runs = seeded("lstm", 24, 80'000, {0.4, 0.6}, 10'000);
  runs[1] = trained("lstm", 24, 40'000, 0.6, 10'000, 80'000, 2);
  const Results r = with_seeds({runs});
  const std::vector<CoursePoint> course = course_of(networks_of(r)[0], Axis::targets);
  ASSERT_EQ(course.size(), 4u) << "at 5,000, 10,000, 20,000 and 40,000";
  EXPECT_EQ(course.back().at, 40'000);
  EXPECT_DOUBLE_EQ(course.back().loss.least, 8.2);
  EXPECT_DOUBLE_EQ(course.back().loss.greatest, 8.8);
  const Results one = hand_made({trained("lstm", 24, 80'000, 0.4, 10'000)});
  EXPECT_EQ(course_of(networks_of(one)[0], Axis::seconds).size(), one.combinations[0].curve.size());
}

TEST(CompareReading, WhatNeverLeftTheUnigramHasNoRankHoweverLowItsLoss) {
  const Results r = hand_made({trained("rnn", 24, 40'000, 0.01, 10'000), trained("lstm", 24, 40'000, -0.5, 10'000),
                               trained("gru", 24, 40'000, 0.5, 10'000)});
  const Reading data = read_off(judged(networks_of(r)), Axis::targets, 10.05);
  ASSERT_EQ(data.entries.size(), 3u);
  EXPECT_EQ(data.entries[0].network.combination().model, "gru");
  EXPECT_FALSE(data.entries[1].ranked);
  EXPECT_EQ(data.entries[1].network.combination().model, "rnn");
  EXPECT_EQ(data.best_of("rnn"), nullptr);
  EXPECT_FALSE(data.leads(data.entries[1]));
}

TEST(CompareReading, WhatLeavesTheUnigramLaterHasNoRankYet) {
  CombinationResult late = trained("rnn", 24, 160'000, 0, 10'000);
  late.curve.back().loss = 7;
  const Results r = hand_made({late, trained("lstm", 24, 40'000, 0.5, 5'000)});
  const std::vector<Network> networks = networks_of(r);
  const Reading data = read_off(networks, Axis::targets, kUnigram);
  EXPECT_EQ(data.at, 40'000);
  EXPECT_FALSE(data.of(networks[0])->ranked);
  EXPECT_FALSE(read_off(networks, Axis::seconds, kUnigram).of(networks[0])->ranked);
  EXPECT_TRUE(read_off({networks[0]}, Axis::targets, kUnigram).entries[0].ranked);
}

TEST(CompareReading, LeavesOutWhatSawTooLittleOrFailedFromAnySeed) {
  Results r = hand_made({trained("rnn", 24, 10'000, 0.3, 40'000), trained("lstm", 24, 20'000, 0.5, 10'000),
                         trained("gru", 24, 80'000, 0.4, 10'000)});
  r.combinations[2].stage = Stage::failed;
  const auto all = judged(networks_on(r, "cpu"));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].combination().model, "lstm");
  EXPECT_TRUE(networks_on(r, "cuda").empty());
  Results two =
      with_seeds({seeded("rnn", 24, 80'000, {0.3, 0.4}, 9'000), seeded("lstm", 24, 80'000, {0.3, 0.4}, 9'000)});
  two.combinations[3].stage = Stage::failed;
  EXPECT_EQ(judged(networks_of(two)).size(), 1u);
}

TEST(CompareReading, ADuelIsFoughtAtEachLengthBothLearnedSomethingAt) {
  const Results r = hand_made({trained("bilstm", 24, 40'000, 0.6, 1'000), trained("lstm", 24, 80'000, 0.5, 10'000),
                               trained("bilstm", 48, 40'000, 0.501, 1'000), trained("lstm", 48, 160'000, 0.5, 10'000),
                               trained("lstm", 64, 40'000, 0.5, 10'000), trained("bilstm", 200, 40'000, 0, 10'000),
                               trained("lstm", 200, 40'000, 0.5, 10'000)});
  const std::vector<Network> networks = judged(networks_of(r));
  const Duel data = duel(networks, "bilstm", "lstm", Axis::targets, kUnigram);
  ASSERT_EQ(data.rounds.size(), 2u) << "at 200 events the bilstm never left the unigram";
  EXPECT_EQ(data.rounds[0].seq, 24);
  EXPECT_EQ(data.rounds[0].at, 40'000);
  EXPECT_DOUBLE_EQ(data.rounds[0].first.mean, 8.2);
  EXPECT_DOUBLE_EQ(data.rounds[0].second.mean, 8.5);
  EXPECT_EQ(data.wins(), 1);
  EXPECT_EQ(data.losses(), 0) << "at 48 they are level";
  const Duel time = duel(networks, "bilstm", "lstm", Axis::seconds, kUnigram);
  ASSERT_EQ(time.rounds.size(), 2u);
  EXPECT_EQ(time.rounds[0].at, 8);
  EXPECT_EQ(time.losses(), 2);
  EXPECT_TRUE(duel(networks, "rnn", "lstm", Axis::targets, kUnigram).rounds.empty());
}

}  // namespace
}  // namespace polonaise::tools
