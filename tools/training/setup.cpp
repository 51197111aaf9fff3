#include "tools/training/setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "tools/options/train_options.h"

namespace polonaise::tools {
namespace {

constexpr std::int64_t kDefaultEpochs = 30;

io::WindowOptions window_options(const TrainOptions& o) {
  const bool many_to_one = o.model == Architecture::bilstm;
  return {.kind = many_to_one ? io::WindowKind::many_to_one : io::WindowKind::every_step,
          .steps = o.seq,
          .stride = o.stride > 0 ? o.stride : std::max(1, o.seq / 4),
          .seed = o.seed,
          .shuffle = true};
}

OptimizerOptions optimizer_options(const TrainOptions& o) {
  OptimizerOptions options;
  options.schedule.base = static_cast<float>(o.lr);
  options.schedule.warmup = static_cast<long>(o.warmup);
  options.schedule.floor = static_cast<float>(o.lr_floor);
  options.schedule.decay = o.schedule;
  options.rule = o.optimizer;
  options.muon_rate = static_cast<float>(o.muon_lr);
  options.beta1 = static_cast<float>(o.betas[0]);
  options.beta2 = static_cast<float>(o.betas[1]);
  options.epsilon = static_cast<float>(o.eps);
  options.ema = static_cast<float>(o.ema);
  options.weight_decay = static_cast<float>(o.weight_decay);
  options.clip = static_cast<float>(o.clip);
  return options;
}

}  // namespace

ModelConfig model_config(const TrainOptions& o, const EventShape& events) {
  ModelConfig config;
  config.architecture = o.model;
  config.events = events;
  config.hidden = o.hidden;
  config.layers = o.layers;
  config.sequence = o.seq;
  config.dropout = static_cast<float>(o.dropout);
  config.heads = o.heads;
  config.feedforward = o.feedforward;
  config.position = o.position;
  config.head = o.head;
  config.head_hidden = o.head_hidden;
  config.head_dropout = static_cast<float>(o.head_dropout);
  try {
    validate(config);
  } catch (const std::invalid_argument& error) {
    std::string given = fmt::format("--model {} --hidden {}", name_of(o.model), o.hidden);
    if (o.model == Architecture::transformer)
      given += fmt::format(" --heads {} --position {}", o.heads, name_of(o.position));
    if (o.head != Head::bernoulli) given += fmt::format(" --head {}", name_of(o.head));
    throw UsageError(fmt::format("{}: {}.", given, error.what()));
  }
  return config;
}

std::int64_t TrainingSetup::planned_steps(std::int64_t batches_in_epoch) const {
  return steps > 0 ? steps : (epochs * batches_in_epoch + accumulate - 1) / accumulate;
}

TrainingSetup training_setup(const TrainOptions& o, const EventShape& events) {
  const bool has_end = o.epochs > 0 || o.steps > 0 || o.minutes > 0;
  return {.model = model_config(o, events),
          .optimizer = optimizer_options(o),
          .batches = {window_options(o), o.batch},
          .accumulate = o.accumulate,
          .seed = o.seed,
          .precision = o.precision,
          .start_from_counts = o.start == Start::counts,
          .overfit_batch = o.overfit_batch,
          .steps = o.steps,
          .epochs = has_end ? o.epochs : kDefaultEpochs,
          .minutes = o.minutes,
          .patience = o.patience,
          .log_every = o.log_every,
          .validate_every = o.validate_every};
}

long short_warmup(const io::Dataset& dataset, const TrainingSetup& setup) {
  const std::int64_t windows = std::ssize(io::epoch_windows(dataset.all(io::Split::train), setup.batches.windows, 0));
  const std::int64_t steps = setup.planned_steps((windows + setup.batches.rows - 1) / setup.batches.rows);
  const long warmup = setup.optimizer.schedule.warmup;
  return steps > 0 ? std::min(warmup, static_cast<long>(steps / 3)) : warmup;
}

}  // namespace polonaise::tools
