#include "tools/options/train_options.h"

#include <gtest/gtest.h>

namespace polonaise::tools {
namespace {

TrainOptions with(const std::string& key, const std::string& word) {
  return options_of({.settings = {{key, {.items = {word}}}}}, "a test");
}

TEST(TrainOptions, WordsAreTheEnumerationsOwn) {
  for (const std::string& name : names_of<Architecture>()) EXPECT_EQ(with("model", name).model, architecture_of(name));
  for (const std::string& name : names_of<Head>()) EXPECT_EQ(with("head", name).head, head_of(name));
  for (const std::string& name : names_of<PositionEncoding>())
    EXPECT_EQ(with("position", name).position, position_encoding_of(name));
  for (const std::string& name : decay_names()) EXPECT_EQ(with("schedule", name).schedule, decay_of(name));
  EXPECT_EQ(with("optimizer", "muon").optimizer, Rule::muon);
  EXPECT_EQ(with("start", "torch").start, Start::torch);
  EXPECT_EQ(with("init-head", "new").init_head, InitHead::fresh);
}

TEST(TrainOptions, GoIntoAConfigurationAndBack) {
  TrainOptions options;
  options.model = Architecture::transformer;
  options.schedule = Decay::wsd;
  const Config config = config_of(options);
  EXPECT_EQ(config.find("schedule")->toml(), "\"wsd\"");
  EXPECT_EQ(config_of(options_of(config, "a test")).toml(), config.toml());
}

}  // namespace
}  // namespace polonaise::tools
