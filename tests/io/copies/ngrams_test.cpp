#include "io/copies/ngrams.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "io/data/synthetic.h"
#include "io/encodings/encoding.h"
#include "io/files/error.h"
#include "io/files/splitmix64.h"

namespace polonaise::io {
namespace {

using Numbers = std::vector<std::int32_t>;

Events tokens(const Numbers& list) {
  Events events;
  for (const std::int32_t token : list) events.push_token(token);
  return events;
}

std::vector<EventsView> views_of(const std::vector<Events>& pieces) {
  std::vector<EventsView> views;
  for (const Events& piece : pieces) views.push_back(piece.view());
  return views;
}

Numbers after(const Ngrams& ngrams, const Numbers& context) {
  const auto found = ngrams.after(context);
  return {found.begin(), found.end()};
}

TEST(Ngrams, AreFoundAfterTheirFirstEvents) {
  const std::vector<Events> pieces = {tokens({1, 2, 3, 1, 2, 4}), tokens({1, 2, 3}), tokens({9, 9})};
  const Ngrams ngrams(views_of(pieces), 3);
  EXPECT_EQ(after(ngrams, {1, 2}), (Numbers{3, 4}));
  EXPECT_EQ(after(ngrams, {2, 3}), (Numbers{1}));
  EXPECT_EQ(after(ngrams, {3, 9}), Numbers());  // not across pieces
  EXPECT_EQ(after(ngrams, {9, 9}), Numbers());  // a piece shorter than an N-gram has none
  EXPECT_EQ(after(ngrams, {2}), Numbers());     // too few events to complete one
  EXPECT_EQ(ngrams.size(), 4);
  EXPECT_TRUE(ngrams.completes(Numbers{3, 1}, 2));
  EXPECT_FALSE(ngrams.completes(Numbers{3, 1}, 3));
}

TEST(Ngrams, OfRandomPiecesAreThoseOfAPlainSearch) {
  for (const int n : {2, 3, 5, 9}) {
    Random random(static_cast<std::uint64_t>(n));
    std::vector<Events> pieces;
    std::map<Numbers, std::set<std::int32_t>> expected;
    std::int64_t count = 0;
    for (int p = 0; p < 6; ++p) {
      Numbers piece(static_cast<std::size_t>(random.below(300)));
      for (std::int32_t& token : piece) token = static_cast<std::int32_t>(random.below(n < 5 ? 8 : 2));
      for (std::size_t i = 0; i + static_cast<std::size_t>(n) <= piece.size(); ++i) {
        const auto at = piece.begin() + static_cast<std::ptrdiff_t>(i);
        count += expected[Numbers(at, at + n - 1)].insert(at[n - 1]).second;
      }
      pieces.push_back(tokens(piece));
    }
    const Ngrams ngrams(views_of(pieces), n);
    EXPECT_EQ(ngrams.size(), count);
    for (const auto& [context, next] : expected) EXPECT_EQ(after(ngrams, context), Numbers(next.begin(), next.end()));
  }
}

TEST(Ngrams, FramesAreTheirKeysAndTheClassOfTheirLength) {
  const std::vector<std::uint8_t> chord = {3, 7}, other = {3, 8};
  Events piece(EventKind::frames);
  piece.push_frame(chord, 1.0F);
  piece.push_frame(chord, 1.01F);  // of the same class
  piece.push_frame(chord, 2.0F);
  piece.push_frame({}, 1.0F);
  const Ngrams ngrams({piece.view()}, 2);
  const std::int32_t quarter = ngrams.frame(chord, duration_class(1)), half = ngrams.frame(chord, duration_class(2));
  EXPECT_EQ(ngrams.event(piece.view(), 0), quarter);
  EXPECT_EQ(ngrams.event(piece.view(), 1), quarter);
  EXPECT_NE(half, quarter);
  EXPECT_EQ(ngrams.frame(other, duration_class(1)), Ngrams::kNoEvent);
  EXPECT_EQ(ngrams.frame(chord, duration_class(4)), Ngrams::kNoEvent);
  EXPECT_EQ(after(ngrams, {quarter}), (Numbers{quarter, half}));
  EXPECT_EQ(after(ngrams, {Ngrams::kNoEvent}), Numbers());
}

TEST(Ngrams, OfOneEventAreRefused) {
  EXPECT_THROW(Ngrams({}, 1), Error);
  EXPECT_EQ(Ngrams({}, 2).size(), 0);
}

}  // namespace
}  // namespace polonaise::io
