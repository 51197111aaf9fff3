#include "kernels/sampling/grammar.h"

#include <limits>
#include <map>

#include "kernels/base/require.h"
#include "tests/kernels/devices.h"
#include "tests/kernels/grammar_support.h"

namespace polonaise::testing {
namespace {

using kernels::GrammarState;

// The contract of kernels/sampling/grammar.h, as plainly as it can be said.
class Walker {
 public:
  explicit Walker(const OwnedGrammar& grammar) : g_(grammar), automaton_(grammar.start), clock_(grammar.start_clock) {
    for (const auto& counter : grammar.counters) counters_.push_back(counter.start);
  }

  bool ended() const {
    const auto counter = static_cast<std::size_t>(g_.end_counter);
    return has_ended_ || (g_.end >= 0 && clock_ >= g_.end) ||
           (g_.end_counter >= 0 && counters_[counter] >= g_.counters[counter].high);
  }
  std::int64_t clock() const { return clock_; }

  bool allows(int v) const {
    const std::size_t place = place_of(v);
    if (ended() || g_.next[place] < 0 || !g_.drawable[static_cast<std::size_t>(v)]) return false;
    if (g_.end >= 0 && clock_ + g_.ticks[place] > g_.end) return false;
    std::map<int, int> sums;
    for (const auto& change : changes_of(v)) sums[change.counter] += change.delta;
    for (const auto& [counter, sum] : sums) {
      const auto& limits = g_.counters[static_cast<std::size_t>(counter)];
      const int after = counters_[static_cast<std::size_t>(counter)] + sum;
      if ((sum < 0 && after < limits.low) || (sum > 0 && after > limits.high)) return false;
    }
    return true;
  }

  void take(int v) {
    const std::size_t place = place_of(v);
    clock_ += g_.ticks[place];
    if (g_.next[place] >= 0) automaton_ = g_.next[place];
    for (auto due = due_.begin(); due != due_.end() && due->first <= clock_; due = due_.erase(due))
      counters_[0] -= due->second;
    for (const auto& change : changes_of(v)) {
      if (change.ticks < 0) continue;
      counters_[static_cast<std::size_t>(change.counter)] += change.delta;
      if (change.ticks > 0) due_.emplace(clock_ + change.ticks, change.delta);
    }
    has_ended_ = ended();
  }

 private:
  std::size_t place_of(int v) const { return static_cast<std::size_t>(automaton_ * g_.vocabulary + v); }
  std::vector<GrammarChange> changes_of(int v) const {
    if (g_.counters.empty()) return {};
    const auto at = g_.changes.begin();
    return {at + g_.first_change[static_cast<std::size_t>(v)], at + g_.first_change[static_cast<std::size_t>(v) + 1]};
  }

  const OwnedGrammar& g_;
  int automaton_;
  std::int64_t clock_;
  bool has_ended_ = false;  // and does not begin anew
  std::vector<int> counters_;
  std::multimap<std::int64_t, int> due_;
};

template <class Target>
class Grammars : public DeviceTest<Target> {
 protected:
  // Walks `rows` rows by random tokens, some of which the grammar forbids, and compares after each.
  void walk(const OwnedGrammar& grammar, Index rows, int steps, std::uint64_t seed) {
    const PlacedGrammar<typename Target::Device> placed(this->device(), grammar);
    const kernels::Grammar& g = placed.view();
    auto state = this->place(Array<std::int32_t, 2>({rows, kernels::grammar_state_size(g)}, -99));
    kernels::grammar_start(this->device(), g, state.view());
    std::vector<Walker> walkers(static_cast<std::size_t>(rows), Walker(grammar));
    int allowed_tokens = 0, forbidden_tokens = 0;
    for (int step = 0; step < steps; ++step) {
      auto allowed = this->place(Array<std::uint8_t, 2>({rows, g.vocabulary()}, 7));
      kernels::grammar_mask(this->device(), g, std::as_const(state).view(), allowed.view());
      const auto mask = fetch(allowed);
      Array<std::int32_t, 1> tokens({rows}, -1);
      for (Index r = 0; r < rows; ++r) {
        const Walker& walker = walkers[static_cast<std::size_t>(r)];
        std::vector<int> may;
        for (int v = 0; v < grammar.vocabulary; ++v) {
          ASSERT_EQ(mask[r * g.vocabulary() + v], walker.allows(v) ? 1 : 0) << "row " << r << " step " << step;
          if (walker.allows(v)) may.push_back(v);
        }
        allowed_tokens += static_cast<int>(may.size());
        forbidden_tokens += grammar.vocabulary - static_cast<int>(may.size());
        const float u = kernels::uniform({seed, static_cast<std::uint32_t>(step), 1}, static_cast<std::uint32_t>(r), 0);
        const bool any = may.empty() || step % 5 == 4;  // an opening's: taken without being asked
        const auto count = any ? static_cast<std::size_t>(grammar.vocabulary) : may.size();
        const auto chosen = static_cast<std::size_t>(u * static_cast<float>(count));
        if (u > 0.05f) tokens[r] = any ? static_cast<int>(chosen) : may[chosen];
      }
      const auto taken = this->place(tokens);
      kernels::grammar_take(this->device(), g, taken.view(), state.view());
      const auto after = fetch(state);
      for (Index r = 0; r < rows; ++r) {
        Walker& walker = walkers[static_cast<std::size_t>(r)];
        if (tokens[r] >= 0) walker.take(tokens[r]);
        const std::int32_t* const row = after.view().row(r);
        ASSERT_EQ(row[GrammarState::kClock], walker.clock());
        ASSERT_EQ(row[GrammarState::kEnded], walker.ended() ? 1 : 0);
      }
    }
    EXPECT_GT(allowed_tokens, 0);
    EXPECT_GT(forbidden_tokens, 0);
  }
};
TYPED_TEST_SUITE(Grammars, FloatTargets, TargetNames);

TYPED_TEST(Grammars, AllowAndTakeWhatAPlainWalkerDoes) {
  for (const std::uint64_t seed : cases<std::uint64_t>({1, 2, 3, 4}, {1, 2}))
    this->walk(random_grammar(seed, {.vocabulary = 41, .states = 3, .counters = 4, .end = 400}), 3,
               cases<int>({60}, {20})[0], seed);
}

TYPED_TEST(Grammars, WithoutCountersOrEnd) {
  this->walk(random_grammar(7, {.vocabulary = 300, .states = 2}), 2, cases<int>({12}, {5})[0], 7);
}

// Durations longer than a warp, and jumps past everything that is pending.
TYPED_TEST(Grammars, TakeBackWhatLongerNotesAdded) {
  OwnedGrammar grammar = random_grammar(11, {.vocabulary = 20, .states = 1, .counters = 1, .end = 100000});
  std::fill(grammar.next.begin(), grammar.next.end(), 0);
  std::fill(grammar.drawable.begin(), grammar.drawable.end(), std::uint8_t{1});
  grammar.counters = {{.start = 0, .low = 0, .high = 3}};
  grammar.changes.clear();
  for (int v = 0; v < 20; ++v) {
    grammar.first_change[static_cast<std::size_t>(v)] = std::min(v, 10);
    if (v < 10) grammar.changes.push_back({0, 1, 1 + 13 * v});
    grammar.ticks[static_cast<std::size_t>(v)] = v < 10 ? 0 : (v - 10) * (v - 10) * 3;
  }
  grammar.first_change[20] = 10;
  this->walk(grammar, 3, cases<int>({80}, {25})[0], 11);
}

TYPED_TEST(Grammars, EndWhereTheEndCounterIsAtItsHighest) {
  OwnedGrammar grammar = random_grammar(5, {.vocabulary = 30, .states = 2, .counters = 3});
  grammar.end_counter = 2;
  grammar.counters[2] = {0, 0, 6};
  for (auto& change : grammar.changes)
    if (change.counter == 2) change.delta = std::abs(change.delta);
  this->walk(grammar, 4, cases<int>({30}, {12})[0], 5);
}

TYPED_TEST(Grammars, BeginWhereTheOpeningLeftTheClock) {
  OwnedGrammar grammar = random_grammar(6, {.vocabulary = 30, .states = 1, .end = 60});
  grammar.start_clock = 40;
  this->walk(grammar, 2, 8, 6);
  grammar.start_clock = 60;
  const PlacedGrammar<typename TypeParam::Device> placed(this->device(), grammar);
  auto state = this->place(Array<std::int32_t, 2>({1, kernels::grammar_state_size(placed.view())}));
  kernels::grammar_start(this->device(), placed.view(), state.view());
  EXPECT_EQ(fetch(state)[GrammarState::kEnded], 1);
}

TYPED_TEST(Grammars, AChangeOfOneCounterTwiceIsAskedBySum) {
  OwnedGrammar grammar = random_grammar(1, {.vocabulary = 2, .states = 1, .counters = 1});
  std::fill(grammar.next.begin(), grammar.next.end(), 0);
  grammar.drawable = {1, 1};
  grammar.counters = {{.start = 1, .low = 0, .high = 1}};
  grammar.changes = {{0, 1, 0}, {0, -1, 0}, {0, 1, 0}};  // token 0 strikes a sounding key again, token 1 another
  grammar.first_change = {0, 2, 3};
  const PlacedGrammar<typename TypeParam::Device> placed(this->device(), grammar);
  auto state = this->place(Array<std::int32_t, 2>({1, kernels::grammar_state_size(placed.view())}));
  auto allowed = this->place(Array<std::uint8_t, 2>({1, 2}));
  kernels::grammar_start(this->device(), placed.view(), state.view());
  kernels::grammar_mask(this->device(), placed.view(), std::as_const(state).view(), allowed.view());
  EXPECT_EQ(fetch(allowed).values(), (std::vector<std::uint8_t>{1, 0}));
}

TYPED_TEST(Grammars, FramesWithoutALengthMoveTheClock) {
  kernels::Grammar grammar;
  grammar.end = 10;
  grammar.frame_ticks = 4;
  auto state = this->place(Array<std::int32_t, 2>({2, kernels::grammar_state_size(grammar)}, -99));
  kernels::grammar_start(this->device(), grammar, state.view());
  std::vector<std::int32_t> clocks, ended;
  for (int frame = 0; frame < 3; ++frame) {
    kernels::grammar_take(this->device(), grammar, {}, state.view());
    const auto after = fetch(state);
    clocks.push_back(after.view().row(1)[GrammarState::kClock]);
    ended.push_back(after.view().row(1)[GrammarState::kEnded]);
  }
  EXPECT_EQ(clocks, (std::vector<std::int32_t>{4, 8, 12}));
  EXPECT_EQ(ended, (std::vector<std::int32_t>{0, 0, 1}));
}

TYPED_TEST(Grammars, AClockWithoutAnEndStopsAtTheLargestNumber) {
  kernels::Grammar grammar;
  grammar.frame_ticks = std::numeric_limits<std::int32_t>::max() - 1;
  auto state = this->place(Array<std::int32_t, 2>({1, kernels::grammar_state_size(grammar)}));
  kernels::grammar_start(this->device(), grammar, state.view());
  for (int frame = 0; frame < 3; ++frame) kernels::grammar_take(this->device(), grammar, {}, state.view());
  EXPECT_EQ(fetch(state)[GrammarState::kClock], std::numeric_limits<std::int32_t>::max());
  EXPECT_EQ(fetch(state)[GrammarState::kEnded], 0);
}

TYPED_TEST(Grammars, ATokenOutsideTheVocabularyIsRefusedOrNotTaken) {
  const OwnedGrammar grammar = random_grammar(3, {.vocabulary = 5, .states = 2, .counters = 1, .end = 50});
  const PlacedGrammar<typename TypeParam::Device> placed(this->device(), grammar);
  auto state = this->place(Array<std::int32_t, 2>({1, kernels::grammar_state_size(placed.view())}));
  kernels::grammar_start(this->device(), placed.view(), state.view());
  const auto before = fetch(state).values();
  const auto token = this->place(Array<std::int32_t, 1>({1}, 5));
  const auto run = [&] { kernels::grammar_take(this->device(), placed.view(), token.view(), state.view()); };
  if constexpr (std::is_same_v<typename TypeParam::Device, Cpu>) {
    EXPECT_THROW(run(), ContractError);
  } else {
    run();
    EXPECT_EQ(fetch(state).values(), before);
  }
  EXPECT_THROW(kernels::grammar_take(this->device(), placed.view(), {}, state.view()), ContractError);
  EXPECT_THROW(kernels::grammar_start(this->device(), placed.view(), {}), ContractError);
}

}  // namespace
}  // namespace polonaise::testing
