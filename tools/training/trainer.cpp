#include "tools/training/trainer.h"

#include <algorithm>

#include "io/baselines/baselines.h"
#include "io/data/windows.h"
#include "io/files/error.h"

namespace polonaise::tools {
namespace {

std::vector<EventsView> pieces_of(const io::Dataset& dataset, io::Split split) {
  std::vector<EventsView> pieces = dataset.all(split);
  std::erase_if(pieces, [](const EventsView& piece) { return piece.empty(); });
  return pieces;
}

}  // namespace

Trainer::Trainer(const io::Dataset& dataset, const TrainingSetup& setup, AnyDevice& device)
    : setup_(setup),
      shape_(dataset.shape()),
      training_(pieces_of(dataset, io::Split::train)),
      validation_(pieces_of(dataset, io::Split::valid)) {
  if (training_.empty()) {
    throw io::Error(dataset.file() + ": its training split is empty; prepare it from more music.");
  }
  const std::vector<io::Window> windows = io::epoch_windows(training_, setup.batches.windows, 0);
  batches_in_epoch_ = (std::ssize(windows) + setup.batches.rows - 1) / setup.batches.rows;
  for (const io::Window& window : windows) targets_in_epoch_ += window.targets;
  setup_.optimizer.schedule.total = static_cast<long>(planned_steps());
  model_ = make_model(device, setup.model, setup.seed, set_precision(device, setup.precision));
  if (setup.start_from_counts) model_->start_from(io::unigram_logits(training_, shape_));
  optimizer_.emplace(model_->parameters(), setup_.optimizer);
  steps_.emplace(model_->parameters(), *optimizer_, setup.seed);
  scorer_.emplace(*model_, shape_);
}

void Trainer::start(const TrainingState& state) {
  if (state.step == 0) optimizer_->start_average();
  loader_.emplace(training_, shape_, setup_.batches, state.cursor);
  batches_.clear();
}

std::int64_t Trainer::step() {
  if (batches_.empty() || !setup_.overfit_batch) {
    batches_.clear();
    for (int i = 0; i < setup_.accumulate; ++i) batches_.push_back(loader_->next());
  }
  Index targets = 0;
  for (const io::BatchMemory& batch : batches_) targets += batch.target_count;
  std::vector<Shards::Work> work;
  for (const io::BatchMemory& batch : batches_) {
    const polonaise::Batch view = batch.view();
    work.push_back(
        {view.rows, [this, view](Tape& tape, Shards::Rows rows) { return model_->prepare(tape, view, rows); }});
  }
  steps_->step(work, targets);
  return targets;
}

LossSum Trainer::validate() {
  LossSum sum;
  std::size_t targets = 0;
  for (const PieceLosses& piece : scorer_->score(validation_, {.every = setup_.batches.windows.stride})) {
    for (const double nats : piece.main) sum.main += nats;
    for (const double nats : piece.durations) sum.duration += nats;
    targets += piece.main.size();
  }
  const auto count = static_cast<double>(targets);
  return {sum.main / count, sum.duration / count};
}

}  // namespace polonaise::tools
