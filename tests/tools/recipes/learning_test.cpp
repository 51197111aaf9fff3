#include "tools/recipes/learning.h"

#include <gmock/gmock.h>

#include <string>

#include "io/files/error.h"
#include "tests/tools/run_program.h"

namespace polonaise::tools {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

// Two seeds of an RNN, one of an LSTM, and how the RNN learned before. As in a study, what was before comes last.
constexpr std::string_view kResults =
    "now\tjsb\trnn\t48\t1\t50\t100\t0.5\t9\t-\n"
    "now\tjsb\trnn\t48\t1\t100\t200\t1.0\t7\t-\n"
    "now\tjsb\trnn\t48\t2\t50\t100\t0.5\t8\t-\n"
    "now\tjsb\trnn\t48\t2\t100\t200\t1.0\t8\t-\n"
    "now\tjsb\tlstm\t48\t1\t50\t100\t0.5\t60\t-\n"
    "before\tjsb\trnn\t48\t1\t150\t300\t0.5\t9.5\t-\n"
    "before\tjsb\trnn\t48\t1\t300\t600\t0.9\t8\t-\n"
    "now\tmidi\tgru\t24\t1\t50\t100\t0.5\t9\t0.5\n";
constexpr std::string_view kBaselines = "jsb\t10\t8.5\nmidi\t11\t10\n";

class LearningChart : public testing::Test {
 protected:
  void SetUp() override {
    write_text(results, kResults);
    write_text(baselines, kBaselines);
  }

  std::string error(const std::string& set, int window, const std::string& way = "now") const {
    try {
      learning_chart(read_learning(results, baselines), set, window, way);
    } catch (const io::Error& refused) {
      return refused.what();
    }
    return "";
  }

  ProgramResult draw(const std::string& set, const std::string& window) const {
    return run_program("learning-chart", {results, baselines, set, window, "-o", svg});
  }

  const fs::path folder = fresh_folder(), results = folder / "results.tsv", baselines = folder / "baselines.tsv",
                 svg = folder / "chart.svg";
};

TEST_F(LearningChart, HasALineForEachNetworkOverItsSeeds) {
  const Chart chart = learning_chart(read_learning(results, baselines), "jsb", 48);
  ASSERT_EQ(chart.series.size(), 3u);
  EXPECT_EQ(chart.series[0].name, "RNN");
  EXPECT_THAT(chart.series[0].points, ElementsAre(Pair(50, 8.5), Pair(100, 7.5)));
  EXPECT_THAT(chart.series[0].whiskers, ElementsAre(Pair(8, 9), Pair(7, 8)));
  EXPECT_EQ(chart.series[1].name, "LSTM");
  EXPECT_TRUE(chart.series[1].whiskers.empty());
  EXPECT_FALSE(chart.series[1].dashed);
  EXPECT_EQ(chart.series[2].name, "RNN before");
  EXPECT_EQ(chart.series[2].style, chart.series[0].style);
  EXPECT_THAT(chart.series[2].points, ElementsAre(Pair(150, 9.5), Pair(300, 8)));
  EXPECT_TRUE(chart.series[2].dashed);
}

TEST_F(LearningChart, HasRulesAndCutsOffWhatIsFarAboveThem) {
  const Chart chart = learning_chart(read_learning(results, baselines), "jsb", 48);
  ASSERT_EQ(chart.across.size(), 2u);
  EXPECT_EQ(chart.across[0].at, 10);
  EXPECT_EQ(chart.across[1].at, 8.5);
  EXPECT_EQ(chart.y_range.first, 7);
  EXPECT_LT(chart.y_range.second, 12);
}

TEST_F(LearningChart, OfAnotherWayHasItsRows) {
  write_text(results, std::string(kResults) + "now --lr 1\tjsb\tgru\t48\t1\t50\t100\t0.5\t9\t-\n");
  const Chart chart = learning_chart(read_learning(results, baselines), "jsb", 48, "now --lr 1");
  ASSERT_EQ(chart.series.size(), 2u);
  EXPECT_EQ(chart.series[0].name, "GRU");
  EXPECT_EQ(chart.series[1].name, "RNN before");
}

TEST_F(LearningChart, SaysWhatThereIsWhereSomethingIsNotThere) {
  EXPECT_THAT(error("waltz", 48), HasSubstr("results.tsv has no set waltz, but jsb and midi; name one of those."));
  EXPECT_THAT(error("midi", 48), HasSubstr("results.tsv has no rows of midi with windows of 48, but 24;"));
  EXPECT_THAT(error("midi", 24, "then"), HasSubstr("and the way then, but now;"));
  write_text(baselines, "midi\t11\t10\n");
  EXPECT_THAT(error("jsb", 48), HasSubstr("baselines.tsv has no set jsb, but midi;"));
  write_text(results, "");
  EXPECT_THAT(error("jsb", 48), HasSubstr("results.tsv is empty;"));
}

TEST_F(LearningChart, NamesTheLineThatIsNoRow) {
  write_text(results, std::string(kResults) + "now\tjsb\n");
  EXPECT_THAT(error("jsb", 48), StartsWith("line 9 of " + results.string() + " has 2 columns, not 10: way, set,"));
  write_text(results, "now\tjsb\trnn\t48\t1\tten\t100\t0.5\t9\t-\n");
  EXPECT_THAT(error("jsb", 48), HasSubstr("line 1 of " + results.string() + " has \"ten\" in column 6"));
}

TEST_F(LearningChart, IsWrittenWholeOrNotAtAll) {
  const ProgramResult unknown = draw("waltz", "48");
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.err, HasSubstr("learning-chart: "));
  EXPECT_EQ(draw("jsb", "long").status, 2);
  EXPECT_FALSE(fs::exists(svg));

  const ProgramResult drawn = draw("jsb", "48");
  ASSERT_EQ(drawn.status, 0) << drawn.err;
  const std::string text = read_text(svg);
  EXPECT_THAT(text, StartsWith("<svg xmlns="));
  EXPECT_THAT(text, HasSubstr(">jsb, windows of 48 events</text>"));
  EXPECT_THAT(text, HasSubstr(">started as before</text>"));

  ASSERT_EQ(draw("midi", "24").status, 0);
  EXPECT_THAT(read_text(svg), testing::Not(HasSubstr("started as before")));
  fs::remove(results);
  EXPECT_EQ(draw("jsb", "48").status, 1);
  EXPECT_THAT(read_text(svg), HasSubstr(">midi, windows of 24 events</text>"));
}

// tools/recipes/learning.sh where all is trained already.
TEST_F(LearningChart, OfEachSetAndWindowComesWithTheTable) {
  write_text(folder / "jsb.data", "");
  const ProgramResult table =
      run_program("/bin/bash", {POLONAISE_SOURCE_DIR "/tools/recipes/learning.sh", "--data", folder, "--out", folder,
                                "--set", "jsb", "--model", "rnn", "--seq", "48", "--seeds", "1,2", "--programs",
                                POLONAISE_BINARY_DIR "/bin", "--charts", folder / "charts"});
  ASSERT_EQ(table.status, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("| the bigram is passed within 500 steps | 3 of 4 | not reached | jsb lstm 48 |\n"));
  EXPECT_THAT(table.out, HasSubstr("| jsb | 48 | 8.50 | 7.50, 100 (1.0 s) |"));
  // Before, the loss of the last validation; what reaches it stands above it in the file.
  EXPECT_THAT(table.out, HasSubstr("\n| jsb | 8.00 (300), 100 |  |  |\n"));
  EXPECT_TRUE(fs::exists(folder / "charts/learning-jsb-48.svg"));
  EXPECT_TRUE(fs::exists(folder / "charts/learning-midi-24.svg"));
}

}  // namespace
}  // namespace polonaise::tools
