#include "tools/compare/results/results.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "io/files/error.h"
#include "tests/tools/compare/hand_made.h"
#include "tests/tools/run_program.h"
#include "tools/compare/findings/conclusion.h"

namespace polonaise::tools {
namespace {

using testing::HasSubstr;

// A comparison that f571fef made, before there were seeds and sizes.
const std::filesystem::path kBefore = POLONAISE_SOURCE_DIR "/tests/tools/compare/f571fef";

TEST(CompareResults, OfBeforeSeedsHaveOneSeedAndOneSize) {
  const Results r = from_json(read_text(kBefore / "results.json"), "results.json");
  EXPECT_EQ(r.seeds, std::vector<std::uint64_t>{1});
  EXPECT_EQ(r.parameters, std::vector<std::int64_t>{4000});
  EXPECT_EQ(r.precision, "float");
  EXPECT_EQ(r.target_loss, 0);
  ASSERT_EQ(r.combinations.size(), 2u);
  EXPECT_EQ(r.combinations[1].combination, (Combination{"lstm", 8, "cpu", 4000, 1, "lstm-8-cpu"}));
  EXPECT_EQ(r.combinations[1].samples.size(), 2u);
  EXPECT_EQ(r.combinations[1].curve.size(), 19u);
  EXPECT_THAT(conclusion(r), HasSubstr("The RNN (18.174) never left the unigram (10.874), and has no rank."));
}

TEST(CompareResults, OfBeforeSeedsAreRendered) {
  const auto report = fresh_folder() / "report";
  std::filesystem::copy(kBefore, report, std::filesystem::copy_options::recursive);
  const ProgramResult result = run_program("polonaise-compare", {"--render", "-o", report});
  ASSERT_EQ(result.status, 0) << result.err;
  const std::string html = read_text(report / "report.html");
  EXPECT_THAT(html, HasSubstr("Two networks, one size, the same music"));
  EXPECT_THAT(html, HasSubstr("\"lstm-8-cpu-held-out\""));
  EXPECT_EQ(read_text(report / "results.json"), read_text(kBefore / "results.json"));
}

TEST(CompareResults, AreReadAsTheyWereWritten) {
  Results r = with_seeds({seeded("rnn", 24, 40'000, {0.3, 0.4}, 9'000), seeded("lstm", 24, 40'000, {0, 0}, 9'000)});
  r.target_loss = 9;
  r.precision = "bf16";
  r.combinations[2] = {.combination = r.combinations[2].combination, .size = r.combinations[2].size};
  r.combinations[2].stage = Stage::failed;
  r.combinations[2].failure = "its loss was not finite";
  r.combinations[3].combination.parameters = 20'000;
  r.parameters = {80'000, 20'000};
  const std::string json = to_json(r, "all");
  EXPECT_EQ(to_json(from_json(json, "results.json"), "all"), json);
}

TEST(CompareResults, HaveWhatTheSeedsOfEachNetworkMeasured) {
  Results r =
      with_seeds({seeded("rnn", 24, 40'000, {0.3, 0.4}, 9'000), seeded("lstm", 24, 40'000, {0.001, 0.002}, 9'000)});
  r.target_loss = 9;
  const auto json = nlohmann::json::parse(to_json(r, ""));
  ASSERT_EQ(json["networks"].size(), 2u);
  const auto& rnn = json["networks"][0];
  EXPECT_EQ(rnn["seeds"], 2);
  EXPECT_FALSE(rnn["never_left_unigram"]);
  EXPECT_EQ(rnn["at_equal_data"]["at"], 40'000);
  EXPECT_DOUBLE_EQ(rnn["at_equal_data"]["loss"]["mean"], 8.95);
  EXPECT_DOUBLE_EQ(rnn["at_equal_data"]["loss"]["least"], 8.8);
  EXPECT_DOUBLE_EQ(rnn["at_equal_time"]["loss"]["greatest"], 9.1);
  EXPECT_TRUE(rnn["at_equal_data"]["best_or_level_with_it"]);
  EXPECT_EQ(rnn["reached_target"], 1);
  EXPECT_FALSE(rnn.contains("seconds_to_target"));
  EXPECT_TRUE(json["combinations"][2].contains("target_reached"));
  const auto& lstm = json["networks"][1];
  EXPECT_TRUE(lstm["never_left_unigram"]);
  EXPECT_FALSE(lstm["at_equal_data"]["ranked"]);
  EXPECT_TRUE(json["combinations"][1]["never_left_unigram"]);
}

TEST(CompareResults, OfOtherFormatsAreRefused) {
  for (const char* text : {"", "{}", "{\"format\": 3}", "{\"format\": 2}", "[]"}) {
    EXPECT_THROW(from_json(text, "results.json"), io::Error) << text;
  }
}

}  // namespace
}  // namespace polonaise::tools
