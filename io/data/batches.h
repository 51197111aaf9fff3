#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "io/data/windows.h"
#include "kernels/events/batch.h"
#include "kernels/events/events.h"

namespace polonaise::io {

// Owns a batch (kernels/events/batch.h). Rows are windows, batch-major: cell (b, t) is element b * T + t, and the
// cells of rows b0..b1 are one contiguous stretch of everything below. A row's events stand first, padding after them:
// inputs 0 (tokens) or nothing (frames), targets masked.
struct BatchMemory {
  EventShape shape;
  std::int64_t rows = 0;              // B
  std::int64_t steps = 0;             // T
  std::int64_t targets_per_row = 0;   // T; 1 where windows are many_to_one
  std::vector<std::int32_t> lengths;  // [B] events in the row, 1..T
  std::int64_t target_count = 0;      // targets not masked

  // Tokens.
  std::vector<std::int32_t> inputs;   // [B * T] ids 0..vocabulary; `vocabulary` is the start event
  std::vector<std::int32_t> targets;  // [B * targets_per_row] ids 0..vocabulary-1; -1 where masked

  // Frames. Cell c of the input has columns [input_rows[c], input_rows[c + 1]): its keys with value 1 and, where frames
  // have a length, the last column (width - 1) with duration_value(); ascending.
  std::vector<std::int64_t> input_rows;     // [B * T + 1]
  std::vector<std::int32_t> input_columns;  // 0..width-1
  std::vector<float> input_values;          // as many
  // Target c has keys [target_rows[c], target_rows[c + 1]), none also where masked: lengths tell.
  std::vector<std::int64_t> target_rows;     // [B * targets_per_row + 1]
  std::vector<std::int32_t> target_keys;     // 0..keys-1, ascending
  std::vector<std::int32_t> target_classes;  // [B * targets_per_row] with lengths: 0..duration_classes-1; -1 masked

  Batch view() const;  // must not outlive this
};

// `windows` of `pieces` as a batch of `steps` columns; steps >= each window's inputs.
BatchMemory make_batch(std::span<const EventsView> pieces, const EventShape& shape, std::span<const Window> windows,
                       WindowKind kind, std::int64_t steps);

// A place in the endless sequence of batches: the next to come is `batch` of `epoch`.
struct Cursor {
  std::int64_t epoch = 0;
  std::int64_t batch = 0;
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

struct BatchOptions {
  WindowOptions windows;
  std::int64_t rows = 64;  // B; an epoch's last batch has what is left
};

// The batches of epoch after epoch, made ahead of time on a thread of its own. The sequence depends on the pieces, the
// options and the cursor alone: a loader begun at a saved cursor goes on exactly as the first would have.
class BatchLoader {
 public:
  // The pieces' memory must outlive the loader. Error where no piece has an event or an option is out of range.
  BatchLoader(std::vector<EventsView> pieces, const EventShape& shape, const BatchOptions& options, Cursor start = {});
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  // Never ends: the first batch of the next epoch follows the last. Waits where none is ready.
  BatchMemory next();
  // Place of the batch that next() will return; batch 0 of the next epoch after an epoch's last.
  Cursor cursor() const { return cursor_; }
  // Epochs may differ by a batch or so where windows are shuffled.
  std::int64_t batches_in_epoch(std::int64_t epoch) const;

 private:
  struct Made {
    BatchMemory batch;
    Cursor after;
  };
  void make_ahead(const std::stop_token& stop, Cursor cursor);

  const std::vector<EventsView> pieces_;
  const EventShape shape_;
  const BatchOptions options_;
  Cursor cursor_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Made> ready_;
  std::exception_ptr failure_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace polonaise::io
