#include "io/copies/suffix_automaton.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "io/files/splitmix64.h"

namespace polonaise::io {
namespace {

using Sequence = std::vector<std::uint32_t>;

struct Expected {
  std::uint32_t length = 0;
  std::uint32_t end = 0;
};

// The longest run of `corpus` that ends `query[0..last]`, and where it first ends, found by trying all.
Expected longest(const std::vector<Sequence>& corpus, const Sequence& query, std::size_t last) {
  Expected best;
  std::uint32_t position = 0;
  for (const Sequence& sequence : corpus) {
    for (std::size_t end = 0; end < sequence.size(); ++end, ++position) {
      std::uint32_t length = 0;
      while (length <= end && length <= last && sequence[end - length] == query[last - length]) ++length;
      if (length > best.length) best = {length, position};
    }
  }
  return best;
}

TEST(SuffixAutomaton, FindsWhatTryingAllFindsAndItsFirstOccurrence) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Random random(seed);
    const auto draw = [&](std::size_t count, std::uint64_t symbols) {
      Sequence sequence;
      for (std::size_t i = 0; i < count; ++i) sequence.push_back(static_cast<std::uint32_t>(random.below(symbols)));
      return sequence;
    };
    const std::uint64_t symbols = 2 + seed % 4;
    std::vector<Sequence> corpus;
    for (int i = 0; i < 5; ++i) corpus.push_back(draw(random.below(30), symbols));
    corpus.push_back(corpus.front());
    SuffixAutomaton automaton;
    for (const Sequence& sequence : corpus) {
      automaton.begin_sequence();
      for (const std::uint32_t symbol : sequence) automaton.add(symbol);
    }
    const Sequence query = draw(60, symbols + 1);
    SuffixAutomaton::Match match;
    for (std::size_t i = 0; i < query.size(); ++i) {
      match = automaton.next(match, query[i]);
      const Expected expected = longest(corpus, query, i);
      ASSERT_EQ(match.length, expected.length) << "seed " << seed << " at " << i;
      ASSERT_EQ(match.end, expected.end) << "seed " << seed << " at " << i;
    }
  }
}

TEST(SuffixAutomaton, NoRunGoesOnFromOneSequenceIntoTheNext) {
  SuffixAutomaton automaton;
  for (const std::uint32_t symbol : {1u, 2u}) automaton.add(symbol);
  automaton.begin_sequence();
  for (const std::uint32_t symbol : {3u, 4u}) automaton.add(symbol);
  SuffixAutomaton::Match match = automaton.next({}, 2);
  EXPECT_EQ(match.length, 1u);
  match = automaton.next(match, 3);
  EXPECT_EQ(match.length, 1u);
  EXPECT_EQ(match.end, 2u);
}

TEST(SuffixAutomaton, AnEmptyOneFindsNothing) {
  const SuffixAutomaton automaton;
  EXPECT_EQ(automaton.next({}, 7).length, 0u);
  EXPECT_EQ(automaton.size(), 0u);
}

TEST(SuffixAutomaton, MemoryIsLinearInTheSymbols) {
  SuffixAutomaton automaton;
  Random random(1);
  for (int i = 0; i < 50000; ++i) automaton.add(static_cast<std::uint32_t>(random.below(100)));
  EXPECT_LT(automaton.bytes(), 250u * 50000);
}

}  // namespace
}  // namespace polonaise::io
