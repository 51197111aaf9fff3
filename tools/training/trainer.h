#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "io/data/batches.h"
#include "io/data/dataset.h"
#include "models/model.h"
#include "runtime/training.h"
#include "tools/options/train_options.h"
#include "tools/training/checkpoint.h"
#include "tools/training/evaluate.h"

namespace polonaise::tools {

// Where the options have an end: steps, or epochs of `batches_in_epoch` counted in steps, rounded up. Else 0.
std::int64_t planned_steps(const TrainOptions& options, std::int64_t batches_in_epoch);

// The warm-up of the options, but no more than a third of the planned steps, where they have an end. (With a tenth an
// LSTM at its defaults has 8.72 nats on JSB chorales in windows of 200, 150 steps, and not 8.49.)
std::int64_t short_warmup(const io::Dataset& dataset, const TrainOptions& options);

// Trains a model on a dataset, step by step; knows no folder and no terminal. All of it is a function of the dataset,
// the options and the state it starts from, whatever the number of threads.
class Trainer {
 public:
  // `dataset`, `options` and `device` must outlive it; the device computes in the options' precision from now on.
  // Throws UsageError for options that fit no model, io::Error where there is nothing to train on.
  Trainer(const io::Dataset& dataset, const TrainOptions& options, AnyDevice& device);

  Model& model() { return *model_; }
  Optimizer& optimizer() { return *optimizer_; }

  // Before the first step: the place to start at, the beginning or where read_state says.
  void start(const TrainingState& state);

  // One step; returns how many targets it has. A card may be at work on it yet when this returns.
  std::int64_t step();
  // Of the steps since the last call, in order; waits for them.
  std::vector<Training::Report> reports() { return steps_->reports(); }

  // The mean over the validation split, in nats per event; many-to-one models score every --stride-th event of it.
  LossSum validate();
  bool has_validation() const { return !validation_.empty(); }

  std::int64_t steps_done() const { return static_cast<std::int64_t>(optimizer_->steps()); }
  // Where one batch is to be overfitted it stays before the first.
  io::Cursor cursor() const { return options_.overfit_batch ? io::Cursor() : loader_->cursor(); }
  // planned_steps() of the first epoch's batches.
  std::int64_t planned_steps() const { return planned_steps_; }
  std::int64_t batches_in_epoch() const { return batches_in_epoch_; }
  std::int64_t targets_in_epoch() const { return targets_in_epoch_; }

  // Most bytes that the arenas of training and of validation held at once.
  std::size_t arena_high_water() const { return steps_->arena_high_water() + scorer_->arena_high_water(); }
  // Bytes of the device's memory that training and validation take: parameters and what is derived from them, moments,
  // gradients and arenas. From the second step on it no longer grows but for a longer batch.
  std::size_t memory() const {
    return model_->parameters().memory() + optimizer_->memory() + steps_->memory() + scorer_->memory();
  }

 private:
  const TrainOptions& options_;
  const io::EventSpec spec_;
  std::vector<io::EventsView> training_, validation_;
  std::int64_t batches_in_epoch_ = 0, targets_in_epoch_ = 0, planned_steps_ = 0;
  std::unique_ptr<Model> model_;
  std::optional<Optimizer> optimizer_;
  std::optional<Training> steps_;
  std::optional<Scorer> scorer_;
  std::optional<io::BatchLoader> loader_;
  std::vector<io::Batch> batches_;  // of the last step
};

}  // namespace polonaise::tools
