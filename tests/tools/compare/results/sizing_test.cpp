#include "tools/compare/results/sizing.h"

#include <gtest/gtest.h>

#include "io/encodings/encoding.h"
#include "tools/compare/study/flops.h"

namespace polonaise::tools {
namespace {

constexpr Architecture kAll[] = {Architecture::rnn, Architecture::lstm, Architecture::gru, Architecture::bilstm,
                                 Architecture::transformer};

TEST(CompareSizing, MakesEqualParametersOfAllModels) {
  for (const char* encoding : {"chordvec", "perf"}) {
    const EventShape events = io::make_encoding(encoding)->shape();
    for (const std::int64_t goal : {40'000, 160'000}) {
      for (const Architecture architecture : kAll) {
        const Size size = size_for(architecture, 2, events, goal);
        EXPECT_LT(apart(size.parameters, goal), 0.025) << encoding << " " << name_of(architecture);
        ModelConfig config{.architecture = architecture, .events = events, .hidden = size.hidden, .layers = 2};
        if (size.heads > 0) config.heads = size.heads;
        config.feedforward = size.feedforward;
        validate(config);
        EXPECT_EQ(count_parameters(config), size.parameters);
      }
    }
  }
}

TEST(CompareSizing, TakesTheNearestWidth) {
  // 100 H parameters: 149 are nearer to one unit than to two, 151 to two.
  const auto count = [](const ModelConfig& config) { return std::int64_t{100} * config.hidden; };
  EXPECT_EQ(size_for(Architecture::lstm, 2, {}, 149, count).hidden, 1);
  EXPECT_EQ(size_for(Architecture::lstm, 2, {}, 151, count).hidden, 2);
  EXPECT_EQ(size_for(Architecture::lstm, 2, {}, 77'770, count).hidden, 778);
  EXPECT_EQ(size_for(Architecture::lstm, 2, {}, 1, count).hidden, 1);
}

TEST(CompareSizing, ATransformerIsTunedByItsInnerWidth) {
  const auto count = [](const ModelConfig& c) { return std::int64_t{1000} * c.hidden + 10 * c.inner(); };
  const Size size = size_for(Architecture::transformer, 2, {}, 50'000, count);
  EXPECT_EQ(size.hidden % 8, 0);
  EXPECT_EQ(size.parameters, 50'000);
}

TEST(CompareSizing, ApartIsAShareOfTheSmaller) {
  EXPECT_DOUBLE_EQ(apart(100, 105), 0.05);
  EXPECT_DOUBLE_EQ(apart(105, 100), 0.05);
  EXPECT_DOUBLE_EQ(apart(7, 7), 0);
}

// Small enough to count by hand: width 2, one layer, 3 keys without lengths, 1.5 keys a frame.
TEST(CompareFlops, AreThoseOfTheFormula) {
  ModelConfig config{.architecture = Architecture::rnn, .hidden = 2, .layers = 1, .sequence = 4};
  config.events = {.kind = EventKind::frames, .keys = 3, .width = 3};
  const double head = 3 * 2 * 2 * 3;
  EXPECT_DOUBLE_EQ(training_flops_per_target(config, 1.5), 3 * 2 * 2 * 2 + 2 * 2 * 1.5 * 2 + head);
  config.architecture = Architecture::lstm;
  EXPECT_DOUBLE_EQ(training_flops_per_target(config, 1.5), 4 * (3 * 2 * 2 * 2 + 2 * 2 * 1.5 * 2) + head);
  config.architecture = Architecture::gru;
  config.layers = 2;
  EXPECT_DOUBLE_EQ(training_flops_per_target(config, 1.5), 3 * (3 * 8 + 2 * 6 + 3 * 8 + 3 * 8) + head);
  config.architecture = Architecture::bilstm;
  config.layers = 1;
  EXPECT_DOUBLE_EQ(training_flops_per_target(config, 1.5), 4 * 2 * 4 * (3 * 8 + 2 * 6) + 2 * head);
  config.architecture = Architecture::transformer;
  config.feedforward = 5;
  const double attention = 2 * 2 * 2 * 2.5;
  EXPECT_DOUBLE_EQ(training_flops_per_target(config, 1.5),
                   2 * 2 * 1.5 * 2 + 3 * (2 * 2 * 8 + 2 * 2 * 2 * 5 + attention) + head);
}

TEST(CompareFlops, TokensAreLookedUpAndMultipliedByTheFirstLayer) {
  ModelConfig config{.architecture = Architecture::rnn, .hidden = 2, .layers = 1, .sequence = 4};
  config.events = {.vocabulary = 7};
  EXPECT_DOUBLE_EQ(training_flops_per_target(config, 0), 3 * 8 + 3 * 8 + 3 * 2 * 2 * 7);
}

}  // namespace
}  // namespace polonaise::tools
