#include "io/data/batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "io/files/error.h"

namespace polonaise::io {
namespace {

constexpr std::size_t kBatchesAhead = 3;

// Event -1 of a piece is the start event.
constexpr std::int64_t kStart = -1;

void fill_tokens(const EventsView& piece, const Window& window, std::int64_t row, BatchMemory& batch) {
  const std::int64_t first_input = window.first_target - 1 + window.targets - window.inputs;
  const auto token = [&](std::int64_t i) { return std::int32_t{piece.tokens[static_cast<std::size_t>(i)]}; };
  for (std::int64_t t = 0; t < window.inputs; ++t) {
    const std::int64_t i = first_input + t;
    batch.inputs[static_cast<std::size_t>(row * batch.steps + t)] = i == kStart ? batch.shape.vocabulary : token(i);
  }
  for (std::int64_t t = 0; t < window.targets; ++t) {
    batch.targets[static_cast<std::size_t>(row * batch.targets_per_row + t)] = token(window.first_target + t);
  }
}

// Rows must be filled in order: both sparse matrices grow at their ends.
void fill_frames(const EventsView& piece, const Window& window, BatchMemory& batch) {
  const EventShape& shape = batch.shape;
  const std::int64_t first_input = window.first_target - 1 + window.targets - window.inputs;
  for (std::int64_t t = 0; t < batch.steps; ++t) {
    const std::int64_t i = first_input + t;
    if (t < window.inputs && i != kStart) {
      for (const std::uint8_t key : piece.frame(i)) batch.input_columns.push_back(key);
      batch.input_values.resize(batch.input_columns.size(), 1.0F);
      if (shape.has_durations()) {
        batch.input_columns.push_back(shape.width - 1);
        batch.input_values.push_back(duration_value(shape.duration_input, piece.quarters[static_cast<std::size_t>(i)]));
      }
    }
    batch.input_rows.push_back(static_cast<std::int64_t>(batch.input_columns.size()));
  }
  for (std::int64_t t = 0; t < batch.targets_per_row; ++t) {
    const bool masked = t >= window.targets;
    const std::int64_t i = window.first_target + t;
    if (!masked) {
      for (const std::uint8_t key : piece.frame(i)) batch.target_keys.push_back(key);
    }
    batch.target_rows.push_back(static_cast<std::int64_t>(batch.target_keys.size()));
    if (shape.has_durations()) {
      batch.target_classes.push_back(masked ? -1 : piece.classes[static_cast<std::size_t>(i)]);
    }
  }
}

}  // namespace

Batch BatchMemory::view() const {
  return {.rows = rows,
          .steps = steps,
          .targets_per_row = targets_per_row,
          .lengths = lengths,
          .inputs = inputs,
          .targets = targets,
          .input_rows = input_rows,
          .input_columns = input_columns,
          .input_values = input_values,
          .target_rows = target_rows,
          .target_keys = target_keys,
          .target_classes = target_classes};
}

BatchMemory make_batch(std::span<const EventsView> pieces, const EventShape& shape, std::span<const Window> windows,
                       WindowKind kind, std::int64_t steps) {
  BatchMemory batch;
  batch.shape = shape;
  batch.rows = std::ssize(windows);
  batch.steps = steps;
  batch.targets_per_row = kind == WindowKind::many_to_one ? 1 : steps;
  if (shape.kind == EventKind::tokens) {
    batch.inputs.resize(static_cast<std::size_t>(batch.rows * steps), 0);
    batch.targets.resize(static_cast<std::size_t>(batch.rows * batch.targets_per_row), -1);
  } else {
    batch.input_rows.push_back(0);
    batch.target_rows.push_back(0);
  }
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    const Window& window = windows[static_cast<std::size_t>(row)];
    const EventsView& piece = pieces[static_cast<std::size_t>(window.piece)];
    batch.lengths.push_back(window.inputs);
    batch.target_count += window.targets;
    if (shape.kind == EventKind::tokens) {
      fill_tokens(piece, window, row, batch);
    } else {
      fill_frames(piece, window, batch);
    }
  }
  return batch;
}

BatchLoader::BatchLoader(std::vector<EventsView> pieces, const EventShape& shape, const BatchOptions& options,
                         Cursor start)
    : pieces_(std::move(pieces)), shape_(shape), options_(options), cursor_(start) {
  const auto check = [](bool condition, std::string_view what) {
    if (!condition) throw Error(fmt::format("cannot make batches: {}", what));
  };
  check(options.rows >= 1, "a batch needs 1 row or more");
  check(options.windows.steps >= 1, "a window needs 1 step or more");
  check(options.windows.stride >= 1, "the stride between targets is 1 or more");
  check(std::ranges::any_of(pieces_, [](const EventsView& piece) { return !piece.empty(); }),
        "there are no pieces with events; give more music to this split");
  check(start.epoch >= 0 && start.batch >= 0 && start.batch < batches_in_epoch(start.epoch),
        "the saved place lies outside the data; resume with the data and options it was saved with");
  thread_ = std::jthread([this, start](const std::stop_token& stop) {
    try {
      make_ahead(stop, start);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      changed_.notify_all();
    }
  });
}

BatchLoader::~BatchLoader() = default;

void BatchLoader::make_ahead(const std::stop_token& stop, Cursor cursor) {
  for (;; cursor = {cursor.epoch + 1, 0}) {
    const std::vector<Window> windows = epoch_windows(pieces_, options_.windows, cursor.epoch);
    const std::int64_t batches = (std::ssize(windows) + options_.rows - 1) / options_.rows;
    for (; cursor.batch < batches; ++cursor.batch) {
      const auto first = static_cast<std::size_t>(cursor.batch * options_.rows);
      const auto count = std::min(static_cast<std::size_t>(options_.rows), windows.size() - first);
      Made made{make_batch(pieces_, shape_, std::span(windows).subspan(first, count), options_.windows.kind,
                           options_.windows.steps),
                cursor.batch + 1 < batches ? Cursor{cursor.epoch, cursor.batch + 1} : Cursor{cursor.epoch + 1, 0}};
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return ready_.size() < kBatchesAhead; })) return;
      ready_.push_back(std::move(made));
      changed_.notify_all();
    }
  }
}

BatchMemory BatchLoader::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !ready_.empty() || failure_; });
  if (ready_.empty()) std::rethrow_exception(failure_);
  Made made = std::move(ready_.front());
  ready_.pop_front();
  cursor_ = made.after;
  changed_.notify_all();
  return std::move(made.batch);
}

std::int64_t BatchLoader::batches_in_epoch(std::int64_t epoch) const {
  return (std::ssize(epoch_windows(pieces_, options_.windows, epoch)) + options_.rows - 1) / options_.rows;
}

}  // namespace polonaise::io
