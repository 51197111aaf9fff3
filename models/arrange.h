#pragma once

#include "kernels/events/batch.h"
#include "kernels/events/events.h"
#include "runtime/ops.h"
#include "runtime/training/shards.h"

namespace polonaise {

// A shard's rows of a batch, on the tape's device and in the order that its model runs in.
struct Arranged {
  Index T = 0, B = 0;
  Layout layout = Layout::batch_major;
  bool one_target = false;                   // each row has one target; so has any row of one step
  View<const std::int32_t, 1> lengths = {};  // [B]; empty where every row is full
  View<const std::int32_t, 1> ids = {};      // tokens: [T*B], -1 in padding
  kernels::SparseRows frames = {};           // frames: [T*B, width]
  View<const std::int32_t, 1> targets = {};  // tokens: [T*B] or [B], -1 masked
  FrameTargets frame_targets = {};           // frames
  RecurrentState* state = nullptr;           // optional: carried from one stretch of a piece to the next
  bool operator==(const Arranged&) const = default;
  Index target_rows() const { return one_target ? B : T * B; }

  // Returns the index of the loss of row b's target after step t.
  Index target_index(Index b, Index t) const {
    if (one_target) return b;
    return layout == Layout::time_major ? t * B + b : b * T + t;
  }
};

Arranged arrange(Tape&, const EventShape&, const Batch&, Shards::Rows rows, Layout);

}  // namespace polonaise
