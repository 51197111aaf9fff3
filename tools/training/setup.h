#pragma once

#include <cstdint>
#include <string>

#include "io/data/batches.h"
#include "io/data/dataset.h"
#include "models/config.h"
#include "runtime/training/optimizer.h"

namespace polonaise::tools {

struct TrainOptions;

// What a training is, whoever asks for it: all that Trainer and a session go by.
struct TrainingSetup {
  ModelConfig model;
  OptimizerOptions optimizer;  // the Trainer makes its schedule end after planned_steps()
  io::BatchOptions batches;
  std::int64_t accumulate = 1;      // batches in a step
  std::uint64_t seed = 1;           // of initial weights and dropout
  std::string precision = "float";  // set_precision()'s
  bool start_from_counts = true;    // Model::start_from() what counting finds in the training split
  bool overfit_batch = false;       // learn from the first batch for ever

  // The end comes after so many steps or epochs, after minutes, or after `patience` validations without a better one;
  // where a number is 0 not by it.
  std::int64_t steps = 0, epochs = 0;
  double minutes = 0;
  std::int64_t patience = 0;

  std::int64_t log_every = 10;      // steps
  std::int64_t validate_every = 0;  // steps; 0: after each epoch

  // Steps to the end, epochs of `batches_in_epoch` counted in steps, rounded up; 0 where neither ends it.
  std::int64_t planned_steps(std::int64_t batches_in_epoch) const;
};

// The configuration of the model that the options ask for; UsageError where there is none.
ModelConfig model_config(const TrainOptions& options, const EventShape& events);

// What the options ask for, on such events; without any end, 30 epochs. UsageError for options that fit no model.
TrainingSetup training_setup(const TrainOptions& options, const EventShape& events);

// The setup's warm-up, but no more than a third of the planned steps, where they have an end. (With a tenth an LSTM at
// its defaults has 8.72 nats on JSB chorales in windows of 200, 150 steps, and not 8.49.)
long short_warmup(const io::Dataset& dataset, const TrainingSetup& setup);

}  // namespace polonaise::tools
