#include "models/sampling/generate.h"

#include <numeric>

#include "kernels/base/require.h"
#include "tests/models/support.h"

namespace polonaise::testing {
namespace {

// An ending and a few rules for any of the kinds of events: tokens take turns between even and odd ones, and every
// third moves the clock by 3; class c lasts c + 1 ticks; a roll's frame lasts 2.
EventGrammar rules(const EventShape& events, std::int32_t end) {
  EventGrammar grammar;
  grammar.end = end;
  grammar.vocabulary = events.drawn_classes();
  grammar.states = events.is_tokens() ? 2 : 1;
  grammar.drawable.assign(static_cast<std::size_t>(grammar.vocabulary), 1);
  for (std::int32_t s = 0; s < grammar.states; ++s)
    for (std::int32_t v = 0; v < grammar.vocabulary; ++v) {
      grammar.next.push_back(!events.is_tokens() ? 0 : v % 2 == s ? 1 - s : -1);
      grammar.ticks.push_back(!events.is_tokens() ? v + 1 : v % 3 == 0 ? 3 : 0);
    }
  if (events.is_tokens()) return grammar;
  for (Index key = 0; key < events.keys; ++key) grammar.key_drawable.push_back(key % 3 != 1);
  grammar.max_keys = 2;
  if (grammar.vocabulary == 0) grammar.frame_ticks = 2;
  return grammar;
}

// By these rules.
std::int32_t ticks_of_frames(const EventShape& events, const Generated& drawn) {
  std::int32_t ticks = 0;
  for (const std::uint8_t c : drawn.events.classes) ticks += c + 1;
  return events.is_tokens() || events.has_durations() ? ticks : 2 * static_cast<std::int32_t>(drawn.size());
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
  const EventGrammar grammar = rules(events, 42);
  options_.grammar = &grammar;
  const Generated drawn = generate(*model_, {}, options_);
  EXPECT_EQ(drawn.ending, Ending::grammar);
  std::int32_t clock = 0, state = 0;
  for (const std::int32_t token : drawn.events.tokens) {
    EXPECT_EQ(token % 2, state);
    state = 1 - state;
    clock += token % 3 == 0 ? 3 : 0;
  }
  EXPECT_EQ(clock + ticks_of_frames(events, drawn), 42);
  for (const std::uint8_t key : drawn.events.keys) EXPECT_NE(key % 3, 1);
  for (Index i = 0; i < drawn.size() && !events.is_tokens(); ++i) EXPECT_LE(drawn.events.view().frame(i).size(), 2U);
}

TEST_P(Generation, AnOpeningCountsAndIsTakenUnasked) {
  const EventShape& events = config().events;
  EventGrammar grammar = rules(events, 42);
  Events opening(events.kind);
  constexpr std::uint8_t kNotAllowed[] = {1};
  if (events.is_tokens()) {
    for (const int token : {3, 3, 6, 1}) opening.push_token(token);  // odd and odd: not what the rules allow
  } else if (events.has_durations()) {
    grammar.ticks_per_quarter = 24;
    opening.push_frame(kNotAllowed, 1.5f);
  } else {
    for (int frame = 0; frame < 18; ++frame) opening.push_frame(kNotAllowed);
  }
  const std::int32_t opening_ticks = events.is_tokens() ? 9 : 36;
  options_.grammar = &grammar;
  const Generated drawn = generate(*model_, opening.view(), options_);
  EXPECT_EQ(drawn.ending, Ending::grammar);
  std::int32_t clock = opening_ticks + ticks_of_frames(events, drawn);
  for (const std::int32_t token : drawn.events.tokens) clock += token % 3 == 0 ? 3 : 0;
  EXPECT_EQ(clock, 42);

  for (const std::int32_t end : {opening_ticks, opening_ticks - 8}) {
    grammar.end = end;
    const Generated none = generate(*model_, opening.view(), options_);
    EXPECT_EQ(none.ending, Ending::grammar);
    EXPECT_EQ(none.size(), 0);
  }
}

TEST_P(Generation, EndsWhereNothingMayFollow) {
  const EventShape& events = config().events;
  EventGrammar grammar = rules(events, 41);
  if (events.is_tokens()) {
    std::fill(grammar.next.begin() + events.vocabulary, grammar.next.end(), -1);  // nothing follows an even token
  } else if (events.duration_classes > 0) {
    std::fill(grammar.ticks.begin(), grammar.ticks.end(), 2);
  }
  options_.grammar = &grammar;
  const Generated drawn = generate(*model_, {}, options_);
  EXPECT_EQ(drawn.ending, Ending::nothing_allowed);
  EXPECT_EQ(drawn.size(), events.is_tokens() ? 1 : 20);
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
  bool forbids(std::span<const std::uint8_t> keys, std::int32_t length) override {
    return left_ == 0 || (length == length_ && std::equal(keys.begin(), keys.end(), keys_.begin(), keys_.end()));
  }
  void take(std::int32_t token) override {
    token_ = token;
    --left_;
  }
  void take(std::span<const std::uint8_t> keys, std::int32_t length) override {
    keys_.assign(keys.begin(), keys.end());
    length_ = length;
    --left_;
  }

 private:
  Index left_;
  std::int32_t token_ = -1, length_ = -7;
  std::vector<std::uint8_t> keys_;
};

TEST_P(Generation, AVetoIsKeptToHoweverOftenItIsSaid) {
  const EventShape& events = config().events;
  const EventGrammar grammar = rules(events, 10000);
  options_.veto = [] { return std::make_unique<Contrary>(25); };
  for (const EventGrammar* rules : {static_cast<const EventGrammar*>(nullptr), &grammar})
    for (const float temperature : {0.0f, 0.1f, 3.0f}) {  // cold, one event would come again and again
      options_.grammar = rules;
      options_.sampling.temperature = temperature;
      const Generated drawn = generate(*model_, {}, options_);
      EXPECT_EQ(drawn.ending, Ending::nothing_allowed);
      ASSERT_EQ(drawn.size(), 25);
      for (std::size_t i = 1; i < 25; ++i) {
        if (events.is_tokens()) {
          EXPECT_NE(drawn.events.tokens[i], drawn.events.tokens[i - 1]);
          continue;
        }
        const auto at = static_cast<Index>(i);
        const EventsView view = drawn.events.view();
        EXPECT_FALSE(equal(view.slice(at, 1), view.slice(at - 1, 1)));
        if (!rules) continue;
        EXPECT_LE(view.frame(at).size(), 2U);
        for (const std::uint8_t key : view.frame(at)) EXPECT_NE(key % 3, 1);
      }
    }
}

// A veto that forbids nothing makes models draw step by step.
class Consent final : public Veto {
 public:
  void forbid(std::span<std::uint8_t>) override {}
  bool forbids(std::span<const std::uint8_t>, std::int32_t) override { return false; }
  void take(std::int32_t) override {}
  void take(std::span<const std::uint8_t>, std::int32_t) override {}
};

void expect_same(const Generated& a, const Generated& b) {
  EXPECT_TRUE(equal(a.events.view(), b.events.view()));
  EXPECT_EQ(a.ending, b.ending);
}

void Generation::expect_steps_launches_and_streams_to_draw_the_same() {
  const EventGrammar grammar = rules(config().events, 60);
  Events opening(config().events.kind);
  constexpr std::uint8_t kKeys[] = {0, 5};
  if (config().events.is_tokens()) {
    for (const int token : {2, 5, 4}) opening.push_token(token);
  } else if (config().events.has_durations()) {
    opening.push_frame(kKeys, 0.5f);
    opening.push_frame({}, 0.25f);
  } else {
    opening.push_frame(kKeys);
    opening.push_frame({});
  }
  options_.steps = 45;
  options_.sampling.temperature = 1.5f;
  options_.stream = 3;
  for (const EventGrammar* rules : {static_cast<const EventGrammar*>(nullptr), &grammar}) {
    options_.grammar = rules;
    const std::vector<Generated> together = generate_streams(*model_, opening.view(), options_, 3);
    ASSERT_EQ(together.size(), 3U);
    GenerateOptions one = options_;
    one.veto = [] { return std::make_unique<Consent>(); };
    one.events_per_launch = 4;
    for (const Generated& stream : together) {
      expect_same(generate(*model_, opening.view(), one), stream);
      GenerateOptions launches = one;
      launches.veto = {};
      expect_same(generate(*model_, opening.view(), launches), stream);
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
  EventGrammar grammar = rules(config().events, 42);
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
