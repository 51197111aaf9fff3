// Whole training steps: what they depend on, and what follows them.

#include "runtime/training/optimizer.h"
#include "tests/models/support.h"
#include "tests/runtime/steps.h"

namespace polonaise::testing {
namespace {

// A model with dropout in training, on some number of threads.
class Training {
 public:
  Training(ModelConfig config, int threads)
      : device_(Cpu{threads}), model_(make_model(device_, with_dropout(config), 3)), shards_(model_->parameters()) {}

  Model& model() { return *model_; }
  Shards& shards() { return shards_; }

  // Forward and backward of `batch` as rows [first_row, ...) of a step's whole batch.
  LossSum gradients(const Batch& batch, std::uint32_t step, Index first_row = 0) {
    return train(shards_, device_, batch.rows, {7, step, first_row},
                 [&](Tape& tape, Shards::Rows rows) { return model_->losses(tape, batch, rows); });
  }
  LossSum step(const Batch& batch, std::uint32_t number) {
    const LossSum loss = gradients(batch, number);
    take_step(optimizer_, device_, shards_.gradients(), 1 / static_cast<float>(batch.rows * batch.targets_per_row));
    return loss;
  }
  LossSum evaluate(const Batch& batch) {
    return shards_.infer(batch.rows, [&](Tape& tape, Shards::Rows rows) { return model_->losses(tape, batch, rows); });
  }
  std::vector<float> values() const { return copy(model_->parameters().values()); }
  static std::vector<float> copy(View<const float, 1> view) { return {view.data(), view.data() + view.size()}; }

 private:
  static ModelConfig with_dropout(ModelConfig config) {
    config.dropout = 0.3f;
    config.head_dropout = 0.2f;
    return config;
  }
  AnyDevice device_;
  std::unique_ptr<Model> model_;
  Shards shards_;
  Optimizer optimizer_{model_->parameters(), {.schedule = {.base = 1e-2f, .warmup = 2}, .weight_decay = 0.01f}};
};

class TrainingOf : public ::testing::TestWithParam<ModelCase> {
 protected:
  const ModelConfig& config() const { return GetParam().config; }
};

constexpr Index kRows = 21;  // three shards

TEST_P(TrainingOf, BitsDoNotDependOnTheNumberOfThreads) {
  std::vector<float> values;
  std::vector<double> losses;
  for (const int threads : kThreadCounts) {
    Training training(config(), threads);
    std::vector<double> seen;
    for (std::uint32_t step = 1; step <= 5; ++step) {
      const OwnedBatch batch = random_batch(training.model(), kRows, config().sequence, 100 * step);
      const LossSum loss = training.step(batch.view(), step);
      seen.insert(seen.end(), {loss.main, loss.duration});
    }
    const OwnedBatch held_out = random_batch(training.model(), kRows, config().sequence, 1000);
    seen.push_back(training.evaluate(held_out.view()).total());
    if (values.empty()) {
      values = training.values();
      losses = seen;
    }
    EXPECT_EQ(training.values(), values) << threads << " threads";
    EXPECT_EQ(seen, losses) << threads << " threads";
  }
}

TEST_P(TrainingOf, TwoHalvesOfABatchAccumulateToTheWhole) {
  Training whole(config(), 2), halves(config(), 2);
  const OwnedBatch both = random_batch(whole.model(), 16, config().sequence, 5);
  // random_batch seeds row b with seed + b.
  const OwnedBatch upper = random_batch(whole.model(), 8, config().sequence, 5);
  const OwnedBatch lower = random_batch(whole.model(), 8, config().sequence, 13);
  const LossSum expected = whole.gradients(both.view(), 1);
  LossSum loss = halves.gradients(upper.view(), 1);
  loss += halves.gradients(lower.view(), 1, 8);
  EXPECT_EQ(loss.total(), expected.total());
  EXPECT_EQ(Training::copy(halves.shards().gradients()), Training::copy(whole.shards().gradients()));
}

TEST_P(TrainingOf, DropoutChangesFromStepToStepAndIsOffInEvaluation) {
  Training training(config(), 1);
  const OwnedBatch batch = random_batch(training.model(), 8, config().sequence, 5);
  const double evaluated = training.evaluate(batch.view()).total();
  EXPECT_EQ(training.evaluate(batch.view()).total(), evaluated);
  const double first = training.gradients(batch.view(), 1).total();
  const double again = training.gradients(batch.view(), 1).total();
  const double second = training.gradients(batch.view(), 2).total();
  EXPECT_EQ(first, again);
  EXPECT_NE(first, second);
  EXPECT_NE(first, evaluated);
}

TEST_P(TrainingOf, WhatIsDerivedFollowsTheWeights) {
  Training training(config(), 1);
  for (std::uint32_t step = 1; step <= 3; ++step)
    training.step(random_batch(training.model(), 8, config().sequence, 100 * step).view(), step);
  // A model that has only ever seen these weights predicts the same, in windows and step by step.
  AnyDevice device = Cpu{1};
  const auto fresh = make_model(device, training.model().config(), 99);
  std::ranges::copy(training.values(), fresh->parameters().values().data());
  fresh->parameters().refresh();
  const std::vector<Event> events = random_events(config().events, config().sequence, 1);
  EXPECT_EQ(window_logits(training.model(), events), window_logits(*fresh, events));
  const auto ours = training.model().decoder(1), theirs = fresh->decoder(1);
  for (const Event& event : events)
    EXPECT_EQ(advance(*ours, config().events, event), advance(*theirs, config().events, event));
}

TEST_P(TrainingOf, TheArenaIsFlatFromTheSecondStepOn) {
  Training training(config(), 2);
  const OwnedBatch batch = random_batch(training.model(), kRows, config().sequence, 5);
  training.step(batch.view(), 1);
  training.step(batch.view(), 2);
  const std::size_t high_water = training.shards().arena_high_water(), capacity = training.shards().arena_capacity();
  for (std::uint32_t step = 3; step <= 20; ++step) training.step(batch.view(), step);
  EXPECT_EQ(training.shards().arena_high_water(), high_water);
  EXPECT_EQ(training.shards().arena_capacity(), capacity);
}

INSTANTIATE_TEST_SUITE_P(Models, TrainingOf, ::testing::ValuesIn(model_cases()), case_name);

}  // namespace
}  // namespace polonaise::testing
