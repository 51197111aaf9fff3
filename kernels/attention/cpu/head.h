#pragma once

#include <algorithm>

#include "kernels/attention/attention.h"
#include "kernels/base/require.h"
#include "kernels/base/view.h"
#include "kernels/cpu/parallel.h"

// The cut of a batch into heads, which forward and backward of the CPU's attention share.
namespace polonaise::kernels {

// The unit of work: one head of one row of the batch. Its views are [T,D] blocks of the caller's arrays.
struct AttentionHead {
  View<const float, 2> q, k, v;
  View<const float, 2> rotary;    // or empty
  View<const float, 2> relative;  // or empty; rows of one head, at least T
};

struct AttentionHeadGradient {
  View<float, 2> q, k, v;
  Accumulate accumulate = Accumulate::no;
  View<float, 2> relative;  // added to; or empty
};

inline View<const float, 2> relative_of(const AttentionPositions<float>& positions, Index n) {
  const auto& relative = positions.relative;
  if (relative.empty()) return {};
  return relative.row_block(n * relative.extent(1), relative.extent(1));
}

inline AttentionHead head_of(const AttentionShape& s, View<const float, 3> qkv,
                             const AttentionPositions<float>& positions, Index b, Index n) {
  const auto row = qkv.row_block(b * s.T, s.T);
  const auto part = [&](Index which) { return row.column_block((which * s.N + n) * s.D, s.D); };
  return {part(0), part(1), part(2), positions.rotary, relative_of(positions, n)};
}

// Scratch of one worker in backward.
Index backward_head_scratch(Index T, Index D);

inline Index attention_workers(const Cpu& cpu, Index tasks) {
  return std::max<Index>(1, std::min<Index>(cpu.threads, tasks));
}

// Runs body(task, scratch): each worker takes every workers-th task and has `size` numbers of the scratch to itself.
template <class Body>
void over_attention_tasks(const Cpu& cpu, Index tasks, View<float, 1> scratch, Index size, Body&& body) {
  const Index workers = attention_workers(cpu, tasks);
  require(scratch.size() >= workers * size, "scratch must have attention_scratch_size numbers");
  parallel_for(cpu, workers, [&](Index worker) {
    for (Index task = worker; task < tasks; task += workers) body(task, scratch.data() + worker * size);
  });
}

// Hands out parts of a worker's scratch, each starting on a cache line where the scratch does.
class ScratchLayout {
 public:
  Index take(Index n) {
    const Index at = size_;
    size_ += (n + 15) / 16 * 16;
    return at;
  }
  Index size() const { return size_; }

 private:
  Index size_ = 0;
};

}  // namespace polonaise::kernels
