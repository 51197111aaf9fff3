#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "io/data/batches.h"
#include "io/data/dataset.h"
#include "models/model.h"
#include "runtime/training/training.h"
#include "tools/training/checkpoint.h"
#include "tools/training/evaluate.h"
#include "tools/training/setup.h"

namespace polonaise::tools {

// Trains a model on a dataset, step by step; knows no folder and no terminal. All of it is a function of the dataset,
// the setup and the state it starts from, whatever the number of threads.
class Trainer {
 public:
  // `dataset` and `device` must outlive it; the device computes in the setup's precision from now on. Throws io::Error
  // where there is nothing to train on.
  Trainer(const io::Dataset& dataset, const TrainingSetup& setup, AnyDevice& device);

  // The setup as it was given, with the end of the learning rate's schedule.
  const TrainingSetup& setup() const { return setup_; }

  Model& model() { return *model_; }
  Optimizer& optimizer() { return *optimizer_; }

  // Before the first step: the place to start at, the beginning or where read_state says.
  void start(const TrainingState& state);

  // One step; returns how many targets it has. A card may be at work on it yet when this returns.
  std::int64_t step();
  // Reports of the steps since the last call, in order; waits for them.
  std::vector<Training::Report> reports() { return steps_->reports(); }

  // The mean over the validation split, in nats per event; many-to-one models score as many of it as they train on.
  LossSum validate();
  bool has_validation() const { return !validation_.empty(); }

  // Where one batch is to be overfitted it stays before the first.
  io::Cursor cursor() const { return setup_.overfit_batch ? io::Cursor() : loader_->cursor(); }
  // The setup's, for an epoch of batches_in_epoch().
  std::int64_t planned_steps() const { return setup_.planned_steps(batches_in_epoch_); }
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
  TrainingSetup setup_;
  const EventShape shape_;
  std::vector<EventsView> training_, validation_;
  std::int64_t batches_in_epoch_ = 0, targets_in_epoch_ = 0;
  std::unique_ptr<Model> model_;
  std::optional<Optimizer> optimizer_;
  std::optional<Training> steps_;
  std::optional<Scorer> scorer_;
  std::optional<io::BatchLoader> loader_;
  std::vector<io::BatchMemory> batches_;  // of the last step
};

}  // namespace polonaise::tools
