#include "io/baselines/baselines.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "io/data/benchmark_sets.h"
#include "io/data/corpus.h"
#include "io/files/error.h"

namespace polonaise::io {
namespace {

EventShape roll_spec() {
  return {EventKind::frames, 0, 88, 0, 88, DurationInput::log2_one_plus};
}

// The figures that a program of no relation to this one computed from the same data, under each protocol.
struct Anchor {
  const char* set;
  Protocol protocol;
  double unigram;
  double bigram;  // 0 where not known
};

TEST(Baselines, BenchmarkAnchorsComeOutToTheDigit) {
  const char* data = std::getenv("POLONAISE_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "POLONAISE_TEST_DATA is unset: no benchmark sets to read";
  const Anchor anchors[] = {
      {"jsb_chorales", Protocol::bl2012, 11.0614, 0},     {"jsb_chorales", Protocol::bai2018, 11.0925, 10.4919},
      {"jsb_chorales", Protocol::tsbn, 11.0047, 0},       {"nottingham", Protocol::bl2012, 10.2519, 0},
      {"nottingham", Protocol::bai2018, 10.2608, 5.1532}, {"nottingham", Protocol::tsbn, 10.1162, 0}};
  for (const Anchor& anchor : anchors) {
    const Corpus corpus = read_rolls_folder(std::filesystem::path(data) / "polyphonic" / anchor.set);
    const auto train = views(corpus[Split::train]);
    const auto test = views(corpus[Split::test]);
    const Baselines result = baselines(train, test, roll_spec(), anchor.protocol);
    EXPECT_NEAR(result.unigram, anchor.unigram, 0.0005) << anchor.set << " " << protocol_name(anchor.protocol);
    if (anchor.bigram > 0) {
      EXPECT_NEAR(result.bigram, anchor.bigram, 0.0005) << anchor.set;
    }
  }
}

TEST(Baselines, TokensAreCountedWithOneAdded) {
  EventShape shape;
  shape.vocabulary = 3;
  Events train(EventKind::tokens);
  for (const int token : {0, 1, 0, 1}) train.push_token(token);
  Events test(EventKind::tokens);
  for (const int token : {0, 1, 2}) test.push_token(token);
  const std::vector<EventsView> train_views = {train.view()};
  const std::vector<EventsView> test_views = {test.view()};
  const Baselines result = baselines(train_views, test_views, shape);
  EXPECT_EQ(result.targets, 3);
  // Shares 3/7, 3/7, 1/7; after the start 0: 2/4, after 0 1: 3/5, after 1 2: 1/4.
  EXPECT_NEAR(result.unigram, -(2 * std::log(3.0 / 7) + std::log(1.0 / 7)) / 3, 1e-12);
  EXPECT_NEAR(result.bigram, -(std::log(0.5) + std::log(0.6) + std::log(0.25)) / 3, 1e-12);
}

TEST(Baselines, LengthsOfFramesAreAddedAndShownApart) {
  const EventShape shape{EventKind::frames, 0, 2, kDurationClassCount, 3, DurationInput::log2_one_plus};
  Events train(EventKind::frames);
  const std::vector<std::uint8_t> key = {1};
  for (int i = 0; i < 4; ++i) train.push_frame(key, class_quarters(5));
  Events test(EventKind::frames);
  test.push_frame(key, class_quarters(5));
  const std::vector<EventsView> train_views = {train.view()};
  const std::vector<EventsView> test_views = {test.view()};
  const Baselines result = baselines(train_views, test_views, shape);
  // Key 0 absent and key 1 present with probability 5/6 each; class 5 with (4 + 1) / (4 + 24), first (1 + 1) / (1 +
  // 24).
  EXPECT_NEAR(result.unigram_durations, -std::log(5.0 / 28), 1e-12);
  EXPECT_NEAR(result.unigram, -2 * std::log(5.0 / 6) - std::log(5.0 / 28), 1e-12);
  EXPECT_NEAR(result.bigram_durations, -std::log(2.0 / 25), 1e-12);
  // After silence key 0 came in 0 of the 3 frames that follow one, key 1 had no chance to: 1/5 and 1/2.
  EXPECT_NEAR(result.bigram, -std::log(4.0 / 5) - std::log(1.0 / 2) - std::log(2.0 / 25), 1e-12);
}

TEST(UnigramLogits, OfTokensAreLogShares) {
  EventShape shape;
  shape.vocabulary = 3;
  Events train(EventKind::tokens);
  for (const int token : {0, 1, 0, 0}) train.push_token(token);
  const std::vector<EventsView> views = {train.view()};
  const std::vector<float> logits = unigram_logits(views, shape);
  ASSERT_EQ(logits.size(), 3u);
  EXPECT_NEAR(logits[0], std::log(4.0 / 7), 1e-6);
  EXPECT_NEAR(logits[1], std::log(2.0 / 7), 1e-6);
  EXPECT_NEAR(logits[2], std::log(1.0 / 7), 1e-6);
}

TEST(UnigramLogits, OfFramesAreLogOddsAndThenLogSharesOfLengths) {
  const EventShape shape{EventKind::frames, 0, 2, kDurationClassCount, 3, DurationInput::log2_one_plus};
  Events train(EventKind::frames);
  const std::vector<std::uint8_t> key = {1};
  for (int i = 0; i < 4; ++i)
    train.push_frame(i < 3 ? std::span<const std::uint8_t>(key) : std::span<const std::uint8_t>(), class_quarters(5));
  const std::vector<EventsView> views = {train.view()};
  const std::vector<float> logits = unigram_logits(views, shape);
  ASSERT_EQ(logits.size(), 2u + kDurationClassCount);
  EXPECT_NEAR(logits[0], std::log(1.0 / 5), 1e-6);  // never, of four frames: 1/6 to 5/6
  EXPECT_NEAR(logits[1], std::log(2.0), 1e-6);      // three times: 4/6 to 2/6
  EXPECT_NEAR(logits[2 + 5], std::log(5.0 / 28), 1e-6);
  EXPECT_NEAR(logits[2 + 6], std::log(1.0 / 28), 1e-6);
}

TEST(UnigramLogits, OfNothingAreFinite) {
  const EventShape frames{EventKind::frames, 0, 2, kDurationClassCount, 3, DurationInput::log2_one_plus};
  for (const float logit : unigram_logits({}, frames)) EXPECT_TRUE(std::isfinite(logit));
  EventShape tokens;
  tokens.vocabulary = 3;
  for (const float logit : unigram_logits({}, tokens)) EXPECT_NEAR(logit, std::log(1.0 / 3), 1e-6);
}

}  // namespace
}  // namespace polonaise::io
