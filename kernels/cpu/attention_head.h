#pragma once

#include <algorithm>

#include "kernels/attention.h"
#include "kernels/cpu/parallel.h"
#include "kernels/require.h"
#include "kernels/view.h"

// What the parts of the CPU's attention share outside its vector code: how a batch is cut into heads.
namespace polonaise::kernels {

// One head of one row of the batch, the unit of work. All views are [T,D] blocks of the caller's.
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

inline void require_attention(const AttentionShape& s, View<const float, 3> qkv,
                              const AttentionPositions<float>& positions, View<const float, 3> y,
                              View<const float, 3> log_sum) {
  require(s.D >= 1 && s.D <= 256, "the head dimension must be 1 to 256");
  require(qkv.extents() == std::array<Index, 3>{s.B, s.T, 3 * s.N * s.D}, "qkv must be [B,T,3*N*D]");
  require(y.extents() == std::array<Index, 3>{s.B, s.T, s.N * s.D}, "y must be [B,T,N*D]");
  require(log_sum.extents() == std::array<Index, 3>{s.B, s.N, s.T}, "log_sum must be [B,N,T]");
  const auto& [rotary, relative] = positions;
  require(rotary.empty() || relative.empty(), "positions are rotary or relative, not both");
  require(rotary.empty() || (rotary.rows() >= s.T && rotary.columns() == s.D && s.D % 2 == 0),
          "rotary must be [at least T, D] with D even");
  require(relative.empty() || (relative.extent(0) == s.N && relative.extent(1) >= s.T && relative.extent(2) == s.D),
          "relative must be [N, at least T, D]");
}

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
