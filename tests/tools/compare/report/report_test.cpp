#include "tools/compare/report/report.h"

#include <gmock/gmock.h>

#include "tests/tools/compare/hand_made.h"

namespace polonaise::tools {
namespace {

using testing::HasSubstr;
using testing::Not;

// What is between the first `from` and the next `to`.
std::string part(const std::string& html, const std::string& from, const std::string& to) {
  const std::size_t begin = html.find(from);
  return begin == std::string::npos ? "" : html.substr(begin, html.find(to, begin) - begin);
}

TEST(CompareReport, OfSeveralSeedsHasMeansWithTheLeastAndTheGreatest) {
  const std::string html = report_html(
      with_seeds({seeded("rnn", 24, 40'000, {0.1, 0.3}, 9'000), seeded("gru", 24, 40'000, {0.5, 0.7}, 9'000)}), "");
  EXPECT_THAT(html, HasSubstr("Two networks, one size, two seeds, the same music"));
  const std::string table = part(html, "<caption>Loss of every network", "</table>");
  EXPECT_THAT(table, HasSubstr("<td class=\"best\">8.200<br><span class=\"unit\">7.900–8.500</span></td>"));
  EXPECT_THAT(table, HasSubstr("<td>9.400<br><span class=\"unit\">9.100–9.700</span></td>"));
  EXPECT_THAT(table, HasSubstr("1 of 2 seeds never left the unigram"));
  EXPECT_THAT(html, HasSubstr("class=\"whisker\""));
  EXPECT_THAT(html, HasSubstr("whiskers reach from the least to the greatest"));
  EXPECT_THAT(html, HasSubstr("<li>Seeds: 1 and 2, of initial weights"));
}

TEST(CompareReport, OfOneSeedHasNoSpreadAndSaysSo) {
  const std::string html =
      report_html(hand_made({trained("rnn", 24, 40'000, 0.3, 9'000), trained("gru", 24, 40'000, 0.5, 9'000)}), "");
  EXPECT_THAT(html, HasSubstr("Two networks, one size, the same music"));
  EXPECT_THAT(html, HasSubstr("One seed shows no spread"));
  EXPECT_THAT(html, HasSubstr("<td class=\"best\">8.500</td>"));
  EXPECT_THAT(html, Not(HasSubstr("class=\"whisker\"")));
  EXPECT_THAT(html, Not(HasSubstr("Time to quality")));
  EXPECT_THAT(html, Not(HasSubstr("Against size")));
  EXPECT_THAT(html, Not(HasSubstr("are dashed")));
}

TEST(CompareReport, MarksWhatIsLevelWithTheBest) {
  const std::string html = report_html(
      with_seeds({seeded("lstm", 24, 40'000, {0.4, 0.6}, 9'000), seeded("gru", 24, 40'000, {0.5, 0.7}, 9'000)}), "");
  const std::string table = part(html, "<caption>Loss of every network", "</table>");
  EXPECT_THAT(table, HasSubstr("<td class=\"best\">8.200"));
  EXPECT_THAT(table, HasSubstr("<td class=\"best\">8.500"));
}

TEST(CompareReport, SaysInTablesAndChartsWhatNeverLeftTheUnigram) {
  const std::string html =
      report_html(hand_made({trained("rnn", 24, 40'000, 0.1, 9'000), trained("gru", 24, 40'000, 0.5, 9'000)}), "");
  const std::string summary = part(html, "<caption>The best of each architecture", "</table>");
  EXPECT_THAT(summary, HasSubstr("RNN</span><br><span class=\"note\">never left the unigram</span>"));
  EXPECT_THAT(summary, HasSubstr("<td class=\"note\">9.700 <span class=\"unit\">(24)</span><br><span class=\"unit\">no "
                                 "rank</span></td>"));
  EXPECT_THAT(html, HasSubstr("class=\"series-note\""));
  EXPECT_THAT(html, HasSubstr(">RNN never left the unigram</text>"));
  EXPECT_THAT(html, HasSubstr("Curves of networks that have no part in the ranking are dashed."));
  EXPECT_THAT(html, HasSubstr("at no measurement more than 1 % below"));
}

TEST(CompareReport, HasQualityAgainstSizeAndTimeToQualityWhereAskedFor) {
  Results r = hand_made({trained("lstm", 24, 40'000, 0.5, 10'000), trained("lstm", 24, 40'000, 0.6, 5'000),
                         trained("rnn", 24, 40'000, 0.2, 5'000)});
  r.parameters = {20'000, 80'000};
  r.combinations[0].combination.parameters = 20'000;
  r.target_loss = 9;
  const std::string html = report_html(r, "");
  const std::string sizes = part(html, "<caption>Quality against size", "</table>");
  EXPECT_THAT(sizes, HasSubstr("at 40,000 targets and at 4.0 s of training"));
  EXPECT_THAT(sizes, HasSubstr("<th scope=\"col\">20,000, equal data</th>"));
  EXPECT_THAT(sizes, HasSubstr("<td class=\"best\">8.200 <span class=\"unit\">(24)</span></td>"));
  const std::string target = part(html, "<caption>Targets and seconds until a loss of 9 nats per frame", "</table>");
  EXPECT_THAT(target, HasSubstr("LSTM, 24 events, 20,000 parameters</th><td>2.0</td><td>20,000</td><td>1 of 1</td>"));
  EXPECT_THAT(target, HasSubstr("<td class=\"note\">not reached</td>"));
  EXPECT_THAT(html, HasSubstr(">target 9</text>"));
}

TEST(CompareReport, ExplainsAGapBetweenTheSplitsAtTheTable) {
  Results r = hand_made({trained("lstm", 24, 40'000, 0.5, 10'000)});
  EXPECT_THAT(report_html(r, ""), Not(HasSubstr("different music")));
  r.combinations[0].test_loss = 12;
  r.test.unigram = 13;
  r.test.bigram = 12;
  EXPECT_THAT(report_html(r, ""), HasSubstr("So the two splits are different music"));
}

}  // namespace
}  // namespace polonaise::tools
