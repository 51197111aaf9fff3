#include "tools/compare/study/options.h"

#include <gmock/gmock.h>

namespace polonaise::tools {
namespace {

CompareOptions parsed(const std::vector<std::string>& arguments) {
  CompareOptions options;
  Cli cli("polonaise-compare", "");
  declare(cli, options);
  std::vector<std::string> all = {"piano.data", "-o", "report"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  cli.parse(all);
  check(options);
  return options;
}

TEST(CompareOptions, OneSeedMayBeGivenEitherWay) {
  EXPECT_EQ(parsed({}).all_seeds(), std::vector<std::uint64_t>{1});
  EXPECT_EQ(parsed({"--seed", "7"}).all_seeds(), std::vector<std::uint64_t>{7});
  EXPECT_EQ(parsed({"--seeds", "7"}).all_seeds(), std::vector<std::uint64_t>{7});
  EXPECT_EQ(parsed({"--seeds", "3,1"}).all_seeds(), (std::vector<std::uint64_t>{3, 1}));
  EXPECT_EQ(record_of(parsed({"--seed", "7"})).toml(), record_of(parsed({"--seeds", "7"})).toml());
  EXPECT_THROW(parsed({"--seed", "1", "--seeds", "1"}), UsageError);
  EXPECT_THROW(parsed({"--seed", "1,2"}), UsageError);
}

TEST(CompareOptions, AreDumpedSoThatTheyAreReadAgain) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{}, {"--seed", "5"}, {"--seeds", "5,6", "--parameters", "4000,8000"}}) {
    CompareOptions first, second;
    Cli cli("polonaise-compare", ""), again("polonaise-compare", "");
    declare(cli, first);
    declare(again, second);
    std::vector<std::string> all = {"piano.data", "-o", "report"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    cli.parse(all);
    again.adopt(parse_config(cli.config().toml(), "dump"), "dump");
    check(second);
    EXPECT_EQ(second.all_seeds(), first.all_seeds());
    EXPECT_EQ(second.parameters, first.parameters);
  }
}

// As f571fef wrote it: one seed and one size, and no word of precision and of a loss to reach.
TEST(CompareOptions, ARecordOfBeforeSeedsIsThatOfTheSameComparisonNow) {
  const Config before = parse_config(
      "dataset = \"piano.data\"\nmodels = [\"rnn\"]\nparameters = 4000\nlr = 0.003\nseed = 2\nsteps = 200\n", "before");
  EXPECT_EQ(record_of(before, "before").toml(),
            record_of(parsed({"--models", "rnn", "--parameters", "4000", "--seeds", "2", "--lr", "0.003", "--warmup",
                              "20", "--start", "torch", "--schedule", "constant"}))
                .toml());
}

}  // namespace
}  // namespace polonaise::tools
