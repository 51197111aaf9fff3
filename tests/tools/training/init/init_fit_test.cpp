#include "tools/training/init/init_fit.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace polonaise::tools {
namespace {

using Shapes = std::vector<std::pair<std::string, std::vector<std::int64_t>>>;

// Tensors of these names and shapes; what they hold is of no account here.
std::vector<io::TensorView> tensors_of(const Shapes& shapes) {
  std::vector<io::TensorView> tensors;
  for (const auto& [name, shape] : shapes) tensors.push_back({name, io::DType::f32, shape, {}});
  return tensors;
}

TEST(InitFit, ShapesTellOfTheirOptions) {
  const auto told = [](const Shapes& shapes) { return options_told_by(tensors_of(shapes)); };
  EXPECT_EQ(told({{"weight_hh_l0", {20, 20}}}), "--model rnn --hidden 20 --layers 1");
  EXPECT_EQ(told({{"core.weight_hh_l0", {60, 20}}, {"core.weight_hh_l1", {60, 20}}}),
            "--model gru --hidden 20 --layers 2");
  EXPECT_EQ(told({{"weight_hh_l0", {80, 20}}, {"weight_hh_l0_reverse", {80, 20}}}),
            "--model bilstm --hidden 20 --layers 1");
  EXPECT_EQ(told({{"core.weight_hh_l0", {80, 20}}, {"head.key_in", {88, 7}}}),
            "--model lstm --hidden 20 --layers 1 --head autoregressive --head-hidden 7");
  EXPECT_EQ(told({{"layers.0.norm1.weight", {16}}, {"layers.0.linear1.weight", {40, 16}}, {"layers.1.x", {}}}),
            "--model transformer --hidden 16 --layers 2 --feedforward 40");
  EXPECT_EQ(told({{"layers.0.norm1.weight", {16}}, {"position.weight", {48, 16}}}),
            "--model transformer --hidden 16 --layers 1 --position learned --seq 48");
}

TEST(InitFit, ShapesOfOtherNetworksTellNothing) {
  for (const Shapes& shapes :
       {Shapes{{"weight_hh_l0", {40, 20}}}, Shapes{{"weight_hh_l0", {0, 20}}}, Shapes{{"weight_hh_l0", {20, 0}}},
        Shapes{{"weight_hh_l0", {60, 20}}, {"weight_hh_l0_reverse", {60, 20}}}, Shapes{{"weight_hh_l0", {20}}},
        Shapes{{"weight_hh_l1", {80, 20}}}, Shapes{{"layers.2147483647.norm1.weight", {16}}},
        Shapes{{"fc.weight", {2, 2}}}, Shapes{}}) {
    EXPECT_EQ(options_told_by(tensors_of(shapes)), "");
  }
}

TEST(InitFit, ListsAreCutShort) {
  const std::vector<std::string> names = {"a", "b", "c", "d", "e", "f", "g"};
  EXPECT_EQ(listed(std::span(names).first(2)), "a, b");
  EXPECT_EQ(listed(std::span(names).first(6)), "a, b, c, d, e, f");
  EXPECT_EQ(listed(names), "a, b, c, d, e and 2 more");
}

TEST(InitFit, AnInputProductBelongsToTheBodyBehindAnEmbedding) {
  AnyDevice device = Cpu{1};
  ModelConfig config;
  config.architecture = Architecture::rnn;
  config.hidden = 8;
  config.layers = 1;
  config.events.kind = EventKind::tokens;
  config.events.vocabulary = 5;
  const auto model = make_model(device, config, 1);
  const Shapes bare = {{"weight_ih_l0", {8, 8}}, {"weight_hh_l0", {8, 8}}, {"bias_ih_l0", {8}}, {"bias_hh_l0", {8}}};
  const auto drawn = [&](Shapes shapes, bool other_events) {
    const auto tensors = tensors_of(shapes);
    const InitFit fit = fit_init(*model, tensors, InitHead::fresh, other_events);
    EXPECT_TRUE(fit.faults.empty());
    return fit.drawn;
  };
  // A core that read an embedding kept elsewhere; one that read frames; one behind an embedding of other tokens.
  const std::vector<std::string> all = {"embedding.weight", "core.weight_ih_l0", "head.weight", "head.bias"};
  const std::vector<std::string> some = {"embedding.weight", "head.weight", "head.bias"};
  EXPECT_EQ(drawn(bare, false), some);
  Shapes frames = bare;
  frames[0].second = {8, 107};
  EXPECT_EQ(drawn(frames, false), all);
  EXPECT_EQ(drawn(bare, true), all);
  Shapes tokens = bare;
  tokens.push_back({"embedding.weight", {31, 8}});
  EXPECT_EQ(drawn(tokens, false), some);
  EXPECT_EQ(drawn(tokens, true), some);
  // Of the same vocabulary, all but the head is taken.
  tokens.back().second = {6, 8};
  EXPECT_EQ(drawn(tokens, false), (std::vector<std::string>{"head.weight", "head.bias"}));
}

}  // namespace
}  // namespace polonaise::tools
