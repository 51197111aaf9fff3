#include "kernels/events/event_grammar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "io/data/op53_prime.h"
#include "io/data/synthetic.h"
#include "io/encodings/encoding.h"
#include "io/files/error.h"
#include "io/files/splitmix64.h"
#include "io/midi/notes.h"
#include "io/midi/tempo_map.h"
#include "tests/io/encodings/encoding_variants.h"
#include "tests/io/encodings/grammar_walk.h"

namespace polonaise::io {
namespace {

constexpr std::uint16_t kCMajor = 0b101010110101;

int most_at_once(const Score& score) {
  std::vector<std::pair<std::int64_t, int>> changes;
  for (const Note& note : score.notes) {
    changes.emplace_back(note.onset, 1);
    changes.emplace_back(note.end(), -1);
  }
  std::ranges::sort(changes);
  int now = 0;
  int most = 0;
  for (const auto& [tick, change] : changes) most = std::max(most, now += change);
  return most;
}

std::int64_t last_end(const Score& score) {
  std::int64_t end = 0;
  for (const Note& note : score.notes) end = std::max(end, note.end());
  return end;
}

// Where so many bars end by the score's time signatures, 4/4 without any.
std::int64_t end_of_bars(const Score& score, int bars) {
  std::int64_t tick = 0;
  for (int bar = 0; bar < bars; ++bar) {
    TimeSignature signature;
    for (const TimeSignature& change : score.time_signatures) {
      if (change.tick <= tick) signature = change;
    }
    tick += 4 * score.ticks_per_quarter * signature.numerator / signature.denominator;
  }
  return tick;
}

// Seconds have no fixed length in its grammar.
bool in_bars(const EncodingVariant& variant) {
  return variant.name == "tsd" && std::ranges::count(variant.options.tokens, "tempo") > 0;
}

GrammarOptions lasting(const EncodingVariant& variant, double seconds, GrammarOptions options) {
  (in_bars(variant) ? options.bars : options.seconds) = in_bars(variant) ? seconds / 2 : seconds;
  return options;
}

std::vector<std::uint8_t> random_keys(const EventGrammar& grammar, Random& random) {
  std::vector<std::uint8_t> keys;
  for (std::size_t key = 0; key < grammar.key_drawable.size(); ++key) {
    const bool room = grammar.max_keys == 0 || std::ssize(keys) < grammar.max_keys;
    if (room && grammar.key_drawable[key] != 0 && random.below(12) == 0) {
      keys.push_back(static_cast<std::uint8_t>(key));
    }
  }
  return keys;
}

// Draws legal events until the end or until there are `most`; fails where none is legal.
Events random_walk(const EventGrammar& grammar, const EventShape& shape, GrammarWalk& walk, Random& random, int most) {
  Events events(shape.kind);
  std::vector<int> legal;
  while (!walk.ended() && events.size() < most) {
    if (shape.kind == EventKind::frames && !shape.has_durations()) {
      EXPECT_TRUE(walk.legal_frame());
      walk.take_frame();
      events.push_frame(random_keys(grammar, random));
      continue;
    }
    legal.clear();
    for (int v = 0; v < grammar.vocabulary; ++v) {
      if (walk.legal(v)) legal.push_back(v);
    }
    if (legal.empty()) {
      ADD_FAILURE() << "a dead end after " << events.size() << " events";
      break;
    }
    const int drawn = legal[random.below(legal.size())];
    walk.take(drawn);
    if (shape.kind == EventKind::tokens) {
      events.push_token(drawn);
    } else {
      events.push_frame(random_keys(grammar, random), class_quarters(drawn));
    }
  }
  return events;
}

void expect_legal(const EventGrammar& grammar, const EventShape& shape, const EventsView& events) {
  GrammarWalk walk(grammar);
  for (std::int64_t i = 0; i < events.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (shape.kind == EventKind::frames && !shape.has_durations()) {
      ASSERT_TRUE(walk.legal_frame());
      walk.take_frame();
      continue;
    }
    const int v = shape.kind == EventKind::tokens ? events.tokens[at] : events.classes[at];
    ASSERT_TRUE(walk.legal(v)) << "event " << i << " is " << v;
    walk.take(v);
  }
}

class EveryGrammar : public testing::TestWithParam<EncodingVariant> {
 protected:
  std::unique_ptr<const Encoding> encoding_ = GetParam().make();
  EventShape shape_ = encoding_->shape();
};

TEST_P(EveryGrammar, IsWellFormed) {
  const EventGrammar grammar = encoding_->grammar({});
  const auto edges = static_cast<std::size_t>(grammar.states) * static_cast<std::size_t>(grammar.vocabulary);
  ASSERT_EQ(grammar.next.size(), edges);
  ASSERT_EQ(grammar.ticks.size(), edges);
  ASSERT_EQ(grammar.drawable.size(), static_cast<std::size_t>(grammar.vocabulary));
  EXPECT_EQ(grammar.vocabulary, shape_.kind == EventKind::tokens ? shape_.vocabulary : shape_.duration_classes);
  EXPECT_EQ(grammar.key_drawable.size(), static_cast<std::size_t>(shape_.keys));
  for (const std::int32_t next : grammar.next) EXPECT_LT(next, grammar.states);
  for (const std::int32_t ticks : grammar.ticks) EXPECT_GE(ticks, 0);
  if (grammar.counters.empty()) return;
  ASSERT_EQ(grammar.first_change.size(), static_cast<std::size_t>(grammar.vocabulary) + 1);
  EXPECT_TRUE(std::ranges::is_sorted(grammar.first_change));
  EXPECT_EQ(grammar.first_change.back(), std::ssize(grammar.changes));
  for (const GrammarChange& change : grammar.changes) {
    EXPECT_LT(change.counter, std::ssize(grammar.counters));
    EXPECT_TRUE(change.ticks <= 0 || change.counter == 0);
  }
}

TEST_P(EveryGrammar, WalksKeepToKeysAndPolyphony) {
  GrammarOptions options;
  options.pitch_classes = kCMajor;
  options.lowest = 40;
  options.highest = 79;
  Random random(3);
  for (const int most : {1, 2, 5}) {
    options.max_polyphony = most;
    const EventGrammar grammar = encoding_->grammar(options);
    GrammarWalk walk(grammar);
    const Events events = random_walk(grammar, shape_, walk, random, 1000);
    EXPECT_EQ(events.size(), 1000);
    const Score score = encoding_->decode(events.view());
    EXPECT_FALSE(score.notes.empty());
    for (const Note& note : score.notes) {
      EXPECT_TRUE(note.pitch >= 40 && note.pitch <= 79 && (kCMajor >> (note.pitch % 12) & 1) != 0) << int{note.pitch};
    }
    EXPECT_LE(most_at_once(score), most);
  }
}

TEST_P(EveryGrammar, AKeyAloneIsEnough) {
  Random random(4);
  const EventGrammar grammar = encoding_->grammar(lasting(GetParam(), 10, {.lowest = 60, .highest = 60}));
  for (int round = 0; round < 5; ++round) {
    GrammarWalk walk(grammar);
    const Events events = random_walk(grammar, shape_, walk, random, 20000);
    EXPECT_TRUE(walk.ended());
    EXPECT_LE(most_at_once(encoding_->decode(events.view())), 1);
  }
}

TEST_P(EveryGrammar, WalksEndAtTheSecondsAskedFor) {
  if (in_bars(GetParam())) {
    EXPECT_THROW(encoding_->grammar({.seconds = 10}), Error) << "tempos make seconds of any length";
    return;
  }
  Random random(5);
  for (const double seconds : {1.0, 7.25, 31.5}) {
    const EventGrammar grammar = encoding_->grammar({.seconds = seconds});
    double longest = 0;
    for (int round = 0; round < 3; ++round) {
      GrammarWalk walk(grammar);
      const Events events = random_walk(grammar, shape_, walk, random, 100000);
      ASSERT_TRUE(walk.ended());
      const Score score = encoding_->decode(events.view());
      const double end = TempoMap(score).seconds(last_end(score));
      EXPECT_LE(end, seconds + 0.001);
      longest = std::max(longest, end);
    }
    EXPECT_GT(longest, 0.2 * seconds);
  }
}

TEST_P(EveryGrammar, WalksEndAtTheBarsAskedFor) {
  if (GetParam().name == "perf") {
    EXPECT_THROW(encoding_->grammar({.bars = 2}), Error);
    return;
  }
  Random random(6);
  for (const int bars : {1, 2, 7}) {
    const EventGrammar grammar = encoding_->grammar({.max_polyphony = 8, .bars = static_cast<double>(bars)});
    for (int round = 0; round < 3; ++round) {
      GrammarWalk walk(grammar);
      const Events events = random_walk(grammar, shape_, walk, random, 100000);
      ASSERT_TRUE(walk.ended());
      const Score score = encoding_->decode(events.view());
      EXPECT_LE(last_end(score), end_of_bars(score, bars));
      EXPECT_LE(most_at_once(score), 8);
    }
  }
}

TEST_P(EveryGrammar, AnyEncodingIsALegalWalk) {
  const EventGrammar grammar = encoding_->grammar({});
  LossReport report;
  expect_legal(grammar, shape_, encoding_->encode(op53_prime(), report).view());
  for (const NamedScore& piece : synthetic_corpus(5, 11)) {
    expect_legal(grammar, shape_, encoding_->encode(piece.score, report).view());
  }
}

TEST_P(EveryGrammar, RealMusicIsALegalWalk) {
  const char* data = std::getenv("POLONAISE_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "POLONAISE_TEST_DATA is unset: no real music to walk along";
  const EventGrammar grammar = encoding_->grammar({});
  int files = 0;
  for (const char* folder : {"asap-scores", "asap-performances"}) {
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(data) / folder)) {
      if (entry.path().extension() != ".mid" || ++files % 20 != 0) continue;
      Warnings warnings;
      LossReport report;
      const Events events = encoding_->encode(read_score(entry.path(), warnings), report);
      expect_legal(grammar, shape_, events.view().slice(0, std::min<std::int64_t>(events.size(), 5000)));
    }
  }
  EXPECT_GT(files, 300);
}

TEST_P(EveryGrammar, RefusesWhatCannotBeHad) {
  const auto refused = [&](const GrammarOptions& options) { EXPECT_THROW(encoding_->grammar(options), Error); };
  refused({.pitch_classes = 0});
  refused({.lowest = 61, .highest = 60});
  refused({.pitch_classes = 1, .lowest = 61, .highest = 61});
  refused({.max_polyphony = -1});
  refused({.bars = 1, .seconds = 1});
  refused({.seconds = -1});
  refused({.seconds = 1e-6});
  refused({.seconds = 1e9});
  refused({.bars = std::nan("")});
}

INSTANTIATE_TEST_SUITE_P(Variants, EveryGrammar, testing::ValuesIn(encoding_variants()),
                         [](const auto& test) { return test.param.label(); });

TEST(Grammar, PerfEndsOnlySoundingKeysAndStrikesOnlySilentOnes) {
  const EventGrammar grammar = make_encoding("perf")->grammar({});
  GrammarWalk walk(grammar);
  EXPECT_FALSE(walk.legal(128 + 60));
  walk.take(60);
  EXPECT_FALSE(walk.legal(60));
  EXPECT_FALSE(walk.legal(128 + 60)) << "a note of no length";
  walk.take(256);
  EXPECT_TRUE(walk.legal(128 + 60));
  walk.take(128 + 60);
  EXPECT_TRUE(walk.legal(60));
}

TEST(Grammar, AVelocityLeavesRoomForItsNote) {
  const EventGrammar grammar = make_encoding("perf")->grammar({.max_polyphony = 1});
  GrammarWalk walk(grammar);
  EXPECT_TRUE(walk.legal(356));
  walk.take(356);
  EXPECT_FALSE(walk.legal(256));
  walk.take(60);
  EXPECT_FALSE(walk.legal(356));
  EXPECT_FALSE(walk.legal(62));
}

TEST(Grammar, TsdTakesPitchVelocityLengthTogetherAndChordsUpwards) {
  const EventGrammar grammar = make_encoding("tsd")->grammar({});
  GrammarWalk walk(grammar);
  EXPECT_FALSE(walk.legal(88)) << "a velocity without a pitch";
  walk.take(39);
  EXPECT_FALSE(walk.legal(120)) << "a length before the velocity";
  EXPECT_FALSE(walk.legal(240)) << "time within a note";
  EXPECT_FALSE(walk.legal(43));
  walk.take(88 + 20);
  EXPECT_FALSE(walk.legal(88));
  walk.take(120 + 47);
  EXPECT_FALSE(walk.legal(39));
  EXPECT_TRUE(walk.legal(40));
  EXPECT_TRUE(walk.legal(240));
  walk.take(240);
  EXPECT_TRUE(walk.legal(39));
}

TEST(Grammar, ANoteCountsUntilItsLengthIsOver) {
  const EventGrammar grammar = make_encoding("tsd")->grammar({.max_polyphony = 1});
  GrammarWalk walk(grammar);
  for (const int token : {39, 88 + 20, 120 + 47, 240 + 46}) walk.take(token);
  EXPECT_FALSE(walk.legal(43));
  walk.take(240);
  EXPECT_TRUE(walk.legal(43));
}

TEST(Grammar, RemiBeginsWithABarWhosePositionsAscend) {
  const EventGrammar grammar = make_encoding("remi")->grammar({.bars = 2});
  GrammarWalk walk(grammar);
  EXPECT_FALSE(walk.legal(262));
  EXPECT_FALSE(walk.legal(39));
  walk.take(240 + 1);  // 3/4
  EXPECT_FALSE(walk.legal(39)) << "a note without a position";
  EXPECT_TRUE(walk.legal(262 + 143));
  EXPECT_FALSE(walk.legal(262 + 144)) << "beyond the bar";
  walk.take(262 + 48);
  EXPECT_FALSE(walk.legal(262 + 48));
  EXPECT_TRUE(walk.legal(39));
  walk.take(240);
  EXPECT_EQ(walk.clock(), 144);
  EXPECT_FALSE(walk.ended());
  walk.take(240);
  EXPECT_EQ(walk.clock(), 144 + 192);
  EXPECT_TRUE(walk.ended());
  EXPECT_THROW(make_encoding("remi")->grammar({.bars = 1.5}), Error);
}

TEST(Grammar, ThePedalGoesDownOnlyWhereItIsUp) {
  const EventGrammar grammar = make_encoding("perf", {.tokens = {"pedal"}})->grammar({});
  GrammarWalk walk(grammar);
  EXPECT_FALSE(walk.legal(389));
  walk.take(388);
  EXPECT_FALSE(walk.legal(389)) << "at the same time";
  walk.take(256);
  EXPECT_FALSE(walk.legal(388));
  walk.take(389);
  EXPECT_TRUE(walk.legal(388)) << "lifted and pressed again";
}

TEST(Grammar, BarsHaveFourQuartersWhereThereIsNoMeter) {
  EXPECT_EQ(make_encoding("roll88")->grammar({.bars = 2}).end, 2 * 4 * 4);
  EXPECT_EQ(make_encoding("chordvec")->grammar({.bars = 2}).end, 2 * 4 * 48);
  EXPECT_THROW(make_encoding("perf")->grammar({.bars = 2}), Error);
}

}  // namespace
}  // namespace polonaise::io
