// Training with activations in bf16 on a card, against the same in float on the CPU: what a step computes, that a loss
// falls as far, that a state is carried, and that what the activations meet follows the weights, which stay float.

#include <algorithm>
#include <cmath>

#include "runtime/training/optimizer.h"
#include "tests/models/support.h"
#include "tests/runtime/steps.h"

namespace polonaise::testing {
namespace {

// Of a single step, or one with dropout: bf16 keeps 8 bits of a number. Without dropout, over some steps, each model
// has limits of its own.
constexpr double kLossTolerance = 1e-3;
constexpr double kGradientTolerance = 3e-2;

class InBf16 : public ::testing::TestWithParam<ModelCase> {
 protected:
  void SetUp() override {
    const OpenedCuda opened = open_cuda();
    if (!opened.cuda) GTEST_SKIP() << opened.reason;
    card_ = *opened.cuda;
  }

  const ModelConfig& config() const { return GetParam().config; }
  std::unique_ptr<Model> model_in_float() { return make_model(cpu_, config(), 3); }
  std::unique_ptr<Model> model_in_bf16() { return make_model(card_, config(), 3, DType::bf16); }

  static std::vector<float> on_host(const Model& model, View<const float, 1> values) {
    const OnHost<float, 1> host(model.parameters().device(), values);
    return {host.view().data(), host.view().data() + values.size()};
  }

  static LossSum gradients(Shards& shards, const Model& model, const Batch& batch, std::uint32_t step) {
    return testing::train(shards, model.parameters().device(), batch.rows, {7, step, 0},
                          [&](Tape& tape, Shards::Rows rows) { return model.losses(tape, batch, rows); });
  }

  // The losses of a step each on one batch.
  static std::vector<double> train(Model& model, int steps) {
    Shards shards(model.parameters());
    Optimizer optimizer(model.parameters(), {.schedule = {.base = 3e-2f}});
    const OwnedBatch batch = random_batch(model, 3, model.config().sequence, 1);
    std::vector<double> losses;
    for (int step = 1; step <= steps; ++step) {
      losses.push_back(gradients(shards, model, batch.view(), static_cast<std::uint32_t>(step)).total());
      const auto targets = static_cast<float>(batch.view().rows * batch.view().targets_per_row);
      take_step(optimizer, model.parameters().device(), shards.gradients(), 1 / targets);
    }
    return losses;
  }

  AnyDevice cpu_ = Cpu{1}, card_;
};

TEST_P(InBf16, AStepWithDropoutIsThatOfFloat) {
  ModelConfig config = GetParam().config;
  config.dropout = 0.25f;
  const auto in_float = make_model(cpu_, config, 3), in_bf16 = make_model(card_, config, 3, DType::bf16);
  const OwnedBatch batch = random_batch(*in_float, 5, config.sequence - 1, 1);
  Shards expected(in_float->parameters()), shards(in_bf16->parameters());
  const LossSum expected_loss = gradients(expected, *in_float, batch.view(), 1);
  const LossSum loss = gradients(shards, *in_bf16, batch.view(), 1);
  EXPECT_NEAR(loss.main, expected_loss.main, kLossTolerance * expected_loss.main);
  EXPECT_NEAR(loss.duration, expected_loss.duration, kLossTolerance * expected_loss.duration);
  EXPECT_LT(relative_error(on_host(*in_bf16, shards.gradients()), to_double(on_host(*in_float, expected.gradients()))),
            kGradientTolerance);
}

// The draws are those of tests/models/torch/naive_twin.py; one alone may err by chance much less than another.
TEST_P(InBf16, StepsErrAtMostTwiceAsMuchAsThoseOfTheNaiveTwin) {
  constexpr int kDraws = 4;
  StepError error;
  for (std::uint64_t seed = 3; seed < 3 + kDraws; ++seed) {
    const auto in_float = make_model(cpu_, config(), seed), in_bf16 = make_model(card_, config(), seed, DType::bf16);
    const OwnedBatch batch = random_batch(*in_float, 5, config().sequence, 10 * seed);
    Shards expected(in_float->parameters()), shards(in_bf16->parameters());
    const LossSum expected_loss = gradients(expected, *in_float, batch.view(), 1);
    const LossSum loss = gradients(shards, *in_bf16, batch.view(), 1);
    error.loss += (std::abs(loss.main - expected_loss.main) + std::abs(loss.duration - expected_loss.duration)) /
                  expected_loss.total() / kDraws;
    error.gradient +=
        relative_error(on_host(*in_bf16, shards.gradients()), to_double(on_host(*in_float, expected.gradients()))) /
        kDraws;
  }
  EXPECT_GT(error.gradient, 0);
  EXPECT_LE(error.loss, 2 * GetParam().naive_bf16.loss);
  EXPECT_LE(error.gradient, 2 * GetParam().naive_bf16.gradient);
}

TEST_P(InBf16, TheLossFallsAsInFloat) {
  constexpr int kSteps = 4;
  const std::vector<double> expected = train(*model_in_float(), kSteps), losses = train(*model_in_bf16(), kSteps);
  EXPECT_LT(losses.back(), 0.95 * losses.front());
  // AdamW makes whole steps of gradients that are mostly rounding, whose signs may differ.
  for (std::size_t step = 0; step < expected.size(); ++step)
    EXPECT_NEAR(losses[step], expected[step], 1e-2 * expected.front()) << "step " << step + 1;
}

TEST_P(InBf16, WhatIsDerivedFollowsTheWeightsWhichStayFloat) {
  const auto trained = model_in_bf16(), fresh = make_model(card_, config(), 99, DType::bf16);
  train(*trained, 1);
  const std::vector<float> weights = on_host(*trained, trained->parameters().values());
  EXPECT_TRUE(std::ranges::any_of(weights, [](float w) { return static_cast<float>(bf16(w)) != w; }));
  copy_to_device(card_, fresh->parameters().values().data(), weights.data(), weights.size() * sizeof(float));
  fresh->parameters().refresh();
  // A model that has only ever seen these weights computes the same.
  const OwnedBatch batch = random_batch(*trained, 2, config().sequence, 1);
  Shards ours(trained->parameters()), theirs(fresh->parameters());
  EXPECT_EQ(gradients(ours, *trained, batch.view(), 1).total(), gradients(theirs, *fresh, batch.view(), 1).total());
  EXPECT_TRUE(same_bits(on_host(*trained, ours.gradients()), on_host(*fresh, theirs.gradients())));
}

TEST_P(InBf16, AStateIsCarried) {
  const auto model = model_in_bf16();
  if (!model->carries_state()) return;
  constexpr Index kSteps = 9, kChunk = 5;
  const std::vector<Event> piece = random_events(config().events, kSteps + 1, 1);
  const Shape shape{config().layers, 1, config().hidden};
  const Shape shape_of_c{config().layers, 1,
                         kernels::shape_of(*cell_of(config().architecture)).states * config().hidden};
  const auto bytes = [](const Shape& s) { return static_cast<std::size_t>(s.size()) * sizeof(bf16); };
  const Buffer h(card_, bytes(shape)), c(card_, bytes(shape_of_c));
  RecurrentState state{{h.data(), shape, DType::bf16}, {c.data(), shape_of_c, DType::bf16}};
  Shards shards(model->parameters());
  const auto score = [&](Index first, Index count, RecurrentState* carried) {
    OwnedBatch batch(config().events, count, count);
    const auto events = std::span(piece).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count + 1));
    batch.add_row(events.first(events.size() - 1), events.last(events.size() - 1));
    const LossSum loss = shards.infer(
        1, [&](Tape& tape, Shards::Rows rows) { return model->losses(tape, batch.view(), rows, carried); });
    return loss.total();
  };
  const double whole = score(0, kSteps, nullptr);
  double chunks = 0;
  for (Index first = 0; first < kSteps; first += kChunk)
    chunks += score(first, std::min(kChunk, kSteps - first), &state);
  EXPECT_NEAR(chunks, whole, kLossTolerance * whole);
}

TEST_P(InBf16, DecodersAndCpusRefuseIt) {
  EXPECT_THROW(model_in_bf16()->decoder(1), ContractError);
  EXPECT_THROW(make_model(cpu_, config(), 3, DType::bf16), std::runtime_error);
}

// Frames with a length have all that frames without have.
INSTANTIATE_TEST_SUITE_P(Models, InBf16, ::testing::ValuesIn(model_cases([](const ModelConfig& config) {
                           return config.events.is_tokens() || config.events.duration_classes > 0;
                         })),
                         case_name);

}  // namespace
}  // namespace polonaise::testing
