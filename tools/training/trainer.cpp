#include "tools/training/trainer.h"

#include <algorithm>

#include "io/baselines/baselines.h"
#include "io/data/windows.h"
#include "io/files/error.h"
#include "tools/training/convert.h"

namespace polonaise::tools {
namespace {

constexpr std::int64_t kDefaultEpochs = 30;

std::vector<io::EventsView> pieces_of(const io::Dataset& dataset, io::Split split) {
  std::vector<io::EventsView> pieces = dataset.all(split);
  std::erase_if(pieces, [](const io::EventsView& piece) { return piece.empty(); });
  return pieces;
}

std::int64_t batches_of(const std::vector<io::Window>& epoch, const TrainOptions& options) {
  return (std::ssize(epoch) + options.batch - 1) / options.batch;
}

}  // namespace

std::int64_t planned_steps(const TrainOptions& options, std::int64_t batches_in_epoch) {
  if (options.steps > 0) return options.steps;
  const std::int64_t epochs = options.epochs > 0 ? options.epochs : options.minutes > 0 ? 0 : kDefaultEpochs;
  return (epochs * batches_in_epoch + options.accumulate - 1) / options.accumulate;
}

std::int64_t short_warmup(const io::Dataset& dataset, const TrainOptions& options) {
  const std::vector<io::EventsView> pieces = pieces_of(dataset, io::Split::train);
  const std::vector<io::Window> epoch = io::epoch_windows(pieces, window_options(options), 0);
  const std::int64_t steps = planned_steps(options, batches_of(epoch, options));
  return steps > 0 ? std::min(options.warmup, steps / 3) : options.warmup;
}

Trainer::Trainer(const io::Dataset& dataset, const TrainOptions& options, AnyDevice& device)
    : options_(options),
      spec_(dataset.spec()),
      training_(pieces_of(dataset, io::Split::train)),
      validation_(pieces_of(dataset, io::Split::valid)) {
  if (training_.empty()) {
    throw io::Error(options.dataset.string() + ": its training split is empty; prepare it from more music.");
  }
  const std::vector<io::Window> windows = io::epoch_windows(training_, window_options(options), 0);
  batches_in_epoch_ = batches_of(windows, options);
  for (const io::Window& window : windows) targets_in_epoch_ += window.targets;
  planned_steps_ = polonaise::tools::planned_steps(options, batches_in_epoch_);
  const DType activations = set_precision(device, options.precision);
  model_ = make_model(device, model_config(options, event_shape(spec_)), options.seed, activations);
  if (options.start == "counts") model_->start_from(io::unigram_logits(training_, spec_));
  optimizer_.emplace(model_->parameters(), optimizer_options(options, planned_steps_));
  steps_.emplace(model_->parameters(), *optimizer_, options.seed);
  scorer_.emplace(*model_, spec_);
}

void Trainer::start(const TrainingState& state) {
  if (state.step == 0) optimizer_->start_average();
  loader_.emplace(training_, spec_, io::BatchOptions{window_options(options_), options_.batch}, state.cursor);
  batches_.clear();
}

std::int64_t Trainer::step() {
  if (batches_.empty() || !options_.overfit_batch) {
    batches_.clear();
    for (int i = 0; i < options_.accumulate; ++i) batches_.push_back(loader_->next());
  }
  Index targets = 0;
  for (const io::Batch& batch : batches_) targets += batch.target_count;
  std::vector<Shards::Work> work;
  for (const io::Batch& batch : batches_) {
    const polonaise::Batch view = batch_view(batch);
    work.push_back(
        {view.rows, [this, view](Tape& tape, Shards::Rows rows) { return model_->prepare(tape, view, rows); }});
  }
  steps_->step(work, targets);
  return targets;
}

LossSum Trainer::validate() {
  LossSum sum;
  std::size_t targets = 0;
  for (const PieceLosses& piece : scorer_->score(validation_, {.every = window_options(options_).stride})) {
    for (const double nats : piece.main) sum.main += nats;
    for (const double nats : piece.durations) sum.duration += nats;
    targets += piece.main.size();
  }
  const auto count = static_cast<double>(targets);
  return {sum.main / count, sum.duration / count};
}

}  // namespace polonaise::tools
