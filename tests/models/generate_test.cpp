#include "models/sampling/generate.h"

#include <numeric>

#include "kernels/base/require.h"
#include "tests/models/support.h"

namespace polonaise::testing {
namespace {

// An ending and a few rules for any of the kinds of events: tokens take turns between even and odd ones, and every
// third moves the clock by 3; class c lasts c + 1 ticks; a roll's frame lasts 2.
GrammarArrays rules(const EventShape& events, std::int32_t end) {
  GrammarArrays grammar;
  grammar.end = end;
  grammar.vocabulary = events.tokens ? events.vocabulary : events.duration_classes();
  grammar.states = events.tokens ? 2 : 1;
  grammar.drawable.assign(static_cast<std::size_t>(grammar.vocabulary), 1);
  for (std::int32_t s = 0; s < grammar.states; ++s)
    for (std::int32_t v = 0; v < grammar.vocabulary; ++v) {
      grammar.next.push_back(!events.tokens ? 0 : v % 2 == s ? 1 - s : -1);
      grammar.ticks.push_back(!events.tokens ? v + 1 : v % 3 == 0 ? 3 : 0);
    }
  if (events.tokens) return grammar;
  for (Index key = 0; key < events.keys; ++key) grammar.key_drawable.push_back(key % 3 != 1);
  grammar.max_keys = 2;
  if (grammar.vocabulary == 0) grammar.frame_ticks = 2;
  return grammar;
}

class Generation : public ::testing::TestWithParam<ModelCase> {
 protected:
  const ModelConfig& config() const { return GetParam().config; }
  void expect_steps_launches_and_streams_to_draw_the_same();

  AnyDevice device_ = Cpu{1};
  std::unique_ptr<Model> model_ = make_model(device_, config(), 3);
  // Hot, so that a model without training draws everything.
  GenerateOptions options_{.steps = 1000, .sampling = {.temperature = 3}, .seed = 5};
};

TEST_P(Generation, KeepsToTheGrammarAndEndsWithIt) {
  const EventShape& events = config().events;
  const GrammarArrays grammar = rules(events, 42);
  options_.grammar = &grammar;
  const Generated drawn = generate(*model_, {}, options_);
  EXPECT_EQ(drawn.ending, Ending::grammar);
  std::int32_t clock = 0, state = 0;
  for (const std::int32_t token : drawn.tokens) {
    EXPECT_EQ(token % 2, state);
    state = 1 - state;
    clock += token % 3 == 0 ? 3 : 0;
  }
  for (const std::int32_t c : drawn.classes) clock += c + 1;
  if (!events.tokens && events.duration_classes() == 0) clock = 2 * static_cast<std::int32_t>(drawn.size());
  EXPECT_EQ(clock, 42);
  for (const std::int32_t key : drawn.keys) EXPECT_NE(key % 3, 1);
  for (std::size_t i = 0; i + 1 < drawn.offsets.size(); ++i) EXPECT_LE(drawn.offsets[i + 1] - drawn.offsets[i], 2);
}

TEST_P(Generation, AnOpeningCountsAndIsTakenUnasked) {
  const EventShape& events = config().events;
  GrammarArrays grammar = rules(events, 42);
  Sequence opening;
  if (events.tokens) {
    opening.tokens = {3, 3, 6, 1};  // odd and odd: not what the rules allow
  } else {
    grammar.start_clock = 36;
    opening.offsets = {0, 1};
    opening.columns = {1};
    opening.values = {1};
  }
  options_.grammar = &grammar;
  const Generated drawn = generate(*model_, opening, options_);
  EXPECT_EQ(drawn.ending, Ending::grammar);
  std::int32_t clock = events.tokens ? 9 : 36;
  for (const std::int32_t token : drawn.tokens) clock += token % 3 == 0 ? 3 : 0;
  for (const std::int32_t c : drawn.classes) clock += c + 1;
  if (!events.tokens && events.duration_classes() == 0) clock += 2 * static_cast<std::int32_t>(drawn.size());
  EXPECT_EQ(clock, 42);

  if (!events.tokens) grammar.start_clock = 50;
  if (events.tokens) grammar.end = 9;
  const Generated none = generate(*model_, opening, options_);
  EXPECT_EQ(none.ending, Ending::grammar);
  EXPECT_EQ(none.size(), 0);
}

TEST_P(Generation, EndsWhereNothingMayFollow) {
  const EventShape& events = config().events;
  GrammarArrays grammar = rules(events, 41);
  if (events.tokens) {
    std::fill(grammar.next.begin() + events.vocabulary, grammar.next.end(), -1);  // nothing follows an even token
  } else if (events.duration_classes() > 0) {
    std::fill(grammar.ticks.begin(), grammar.ticks.end(), 2);
  }
  options_.grammar = &grammar;
  const Generated drawn = generate(*model_, {}, options_);
  EXPECT_EQ(drawn.ending, Ending::nothing_allowed);
  EXPECT_EQ(drawn.size(), events.tokens ? 1 : 20);
}

TEST_P(Generation, SaysWhatElseItEndedBy) {
  options_.steps = 7;
  const Generated seven = generate(*model_, {}, options_);
  EXPECT_EQ(seven.ending, Ending::steps);
  EXPECT_EQ(seven.size(), 7);
  options_.events_per_launch = 1;
  const Generated stopped = generate(*model_, {}, options_, [](Index done) { return done < 4; });
  EXPECT_EQ(stopped.ending, Ending::stopped);
  EXPECT_EQ(stopped.size(), 4);
}

// Forbids what came before, and everything after so many events.
class Contrary final : public Veto {
 public:
  explicit Contrary(Index most) : left_(most) {}
  void forbid(std::span<std::uint8_t> allowed) override {
    if (left_ == 0) std::fill(allowed.begin(), allowed.end(), std::uint8_t{0});
    if (token_ >= 0) allowed[static_cast<std::size_t>(token_)] = 0;
  }
  bool forbids(std::span<const std::int32_t> keys, std::int32_t length) override {
    return left_ == 0 || (length == length_ && std::equal(keys.begin(), keys.end(), keys_.begin(), keys_.end()));
  }
  void take(std::int32_t token) override {
    token_ = token;
    --left_;
  }
  void take(std::span<const std::int32_t> keys, std::int32_t length) override {
    keys_.assign(keys.begin(), keys.end());
    length_ = length;
    --left_;
  }

 private:
  Index left_;
  std::int32_t token_ = -1, length_ = -7;
  std::vector<std::int32_t> keys_;
};

TEST_P(Generation, AVetoIsKeptToHoweverOftenItIsSaid) {
  const EventShape& events = config().events;
  const GrammarArrays grammar = rules(events, 10000);
  options_.veto = [] { return std::make_unique<Contrary>(25); };
  for (const GrammarArrays* rules : {static_cast<const GrammarArrays*>(nullptr), &grammar})
    for (const float temperature : {0.0f, 0.1f, 3.0f}) {  // cold, one event would come again and again
      options_.grammar = rules;
      options_.sampling.temperature = temperature;
      const Generated drawn = generate(*model_, {}, options_);
      EXPECT_EQ(drawn.ending, Ending::nothing_allowed);
      ASSERT_EQ(drawn.size(), 25);
      for (std::size_t i = 1; i < 25; ++i) {
        if (events.tokens) {
          EXPECT_NE(drawn.tokens[i], drawn.tokens[i - 1]);
          continue;
        }
        const auto keys = [&](std::size_t frame) {
          return std::vector<std::int32_t>(drawn.keys.begin() + drawn.offsets[frame],
                                           drawn.keys.begin() + drawn.offsets[frame + 1]);
        };
        EXPECT_FALSE(keys(i) == keys(i - 1) && (drawn.classes.empty() || drawn.classes[i] == drawn.classes[i - 1]));
        if (!rules) continue;
        EXPECT_LE(keys(i).size(), 2U);
        for (const std::int32_t key : keys(i)) EXPECT_NE(key % 3, 1);
      }
    }
}

// A veto that forbids nothing makes models draw step by step.
class Consent final : public Veto {
 public:
  void forbid(std::span<std::uint8_t>) override {}
  bool forbids(std::span<const std::int32_t>, std::int32_t) override { return false; }
  void take(std::int32_t) override {}
  void take(std::span<const std::int32_t>, std::int32_t) override {}
};

void expect_same(const Generated& a, const Generated& b) {
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(a.offsets, b.offsets);
  EXPECT_EQ(a.keys, b.keys);
  EXPECT_EQ(a.classes, b.classes);
  EXPECT_EQ(a.ending, b.ending);
}

void Generation::expect_steps_launches_and_streams_to_draw_the_same() {
  const GrammarArrays grammar = rules(config().events, 60);
  Sequence opening;
  if (config().events.tokens) {
    opening.tokens = {2, 5, 4};
  } else {
    opening.offsets = {0, 2, 2};
    opening.columns = {0, 5};
    opening.values = {1, 1};
  }
  options_.steps = 45;
  options_.sampling.temperature = 1.5f;
  options_.stream = 3;
  for (const GrammarArrays* rules : {static_cast<const GrammarArrays*>(nullptr), &grammar}) {
    options_.grammar = rules;
    const std::vector<Generated> together = generate_streams(*model_, opening, options_, 3);
    ASSERT_EQ(together.size(), 3U);
    GenerateOptions one = options_;
    one.veto = [] { return std::make_unique<Consent>(); };
    one.events_per_launch = 4;
    for (const Generated& stream : together) {
      expect_same(generate(*model_, opening, one), stream);
      GenerateOptions launches = one;
      launches.veto = {};
      expect_same(generate(*model_, opening, launches), stream);
      ++one.stream;
    }
  }
}

TEST_P(Generation, StepsLaunchesAndStreamsDrawTheSame) {
  expect_steps_launches_and_streams_to_draw_the_same();
}

// Several times past the trained length, where each encoding of positions goes on in its way.
class GenerationWithOtherPositions : public Generation {};

TEST_P(GenerationWithOtherPositions, StepsLaunchesAndStreamsDrawTheSame) {
  expect_steps_launches_and_streams_to_draw_the_same();
}

TEST_P(Generation, RefusesAnotherModelsGrammar) {
  GrammarArrays grammar = rules(config().events, 42);
  ++grammar.vocabulary;
  options_.grammar = &grammar;
  EXPECT_THROW(generate(*model_, {}, options_), ContractError);
}

INSTANTIATE_TEST_SUITE_P(Models, Generation, ::testing::ValuesIn(model_cases([](const ModelConfig& config) {
                           return config.architecture != Architecture::transformer ||
                                  config.position == PositionEncoding::rotary;
                         })),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Models, GenerationWithOtherPositions,
                         ::testing::ValuesIn(model_cases([](const ModelConfig& config) {
                           return config.architecture == Architecture::transformer &&
                                  config.position != PositionEncoding::rotary;
                         })),
                         case_name);

}  // namespace
}  // namespace polonaise::testing
