#include "tools/compare/findings/gap_in_words.h"

#include <gmock/gmock.h>

#include "tests/tools/compare/hand_made.h"

namespace polonaise::tools {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Results with_test_loss(double test_loss, double unigram, double bigram) {
  Results r = hand_made({trained("lstm", 24, 40'000, 0.5, 10'000), trained("rnn", 24, 40'000, 0.5, 10'000)});
  for (CombinationResult& c : r.combinations) c.test_loss = test_loss;  // 8.5 on the validation split
  r.test.unigram = unigram;
  r.test.bigram = bigram;
  return r;
}

TEST(CompareGap, ThatCountingShowsTooIsOfTheMusic) {
  const std::string text = gap_in_words(with_test_loss(11, 11.7, 11));
  EXPECT_THAT(text,
              HasSubstr("On the test split the networks’ losses at their end are higher than on the validation split: "
                        "11.000 against 8.500 in their mean. "));
  EXPECT_THAT(text,
              HasSubstr("differs like that too: 11.700 against 9.500 (unigram) and 11.000 against 8.500 (bigram). "
                        "So the two splits are different music"));
  EXPECT_THAT(gap_in_words(with_test_loss(7, 8.2, 7.4)), HasSubstr("are lower than"));
}

TEST(CompareGap, ThatCountingDoesNotShowIsOfTheNetworks) {
  for (const double unigram : {9.7, 9.5, 8.0}) {
    EXPECT_THAT(gap_in_words(with_test_loss(11, unigram, unigram - 1)),
                AllOf(HasSubstr("does not differ like that"), HasSubstr("So it lies with the networks")));
  }
}

TEST(CompareGap, ThatIsSmallOrOfOneSplitNeedsNoWords) {
  EXPECT_EQ(gap_in_words(with_test_loss(8.9, 12, 11)), "");
  Results one_split = with_test_loss(11, 12, 11);
  one_split.course.split = "test";
  EXPECT_EQ(gap_in_words(one_split), "");
  EXPECT_EQ(gap_in_words(hand_made(std::vector<CombinationResult>{})), "");
}

}  // namespace
}  // namespace polonaise::tools
