#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "kernels/attention/cuda/operands.h"
#include "kernels/base/require.h"
#include "kernels/cuda/host/launch.h"
#include "kernels/simt/simt.h"

// How the kernels of attention are launched.
namespace polonaise::kernels::attention {

inline float score_scale(Index D) {
  return 1.0f / std::sqrt(static_cast<float>(D));
}

template <class T>
Problem<T> problem(const AttentionShape& s, View<const T, 3> qkv, const AttentionPositions<T>& positions) {
  const auto& [rotary, relative] = positions;
  const Index chunk = simt::kWide<T> * (rotary.empty() ? 1 : 2);  // a rotated one lies in one half of its row
  const bool wide = s.D % chunk == 0 && simt::is_wide(qkv) && (rotary.empty() || simt::is_wide(rotary)) &&
                    (relative.empty() || simt::is_wide(relative));
  return {s, qkv, positions, score_scale(s.D), wide};
}

// Whether the heads of y or dy may be read and written 16 bytes at a time.
template <class T>
bool is_wide_output(const AttentionShape& s, const View<T, 3>& y) {
  return s.D % simt::kWide<std::remove_const_t<T>> == 0 && simt::is_wide(y);
}

// Kernels are compiled for a few head dimensions, and others are rounded up to them.
template <class Body>
void with_width(Index D, Body&& body) {
  if (D <= 32)
    body(std::integral_constant<int, 32>());
  else if (D <= 64)
    body(std::integral_constant<int, 64>());
  else if (D <= 128)
    body(std::integral_constant<int, 128>());
  else
    body(std::integral_constant<int, 256>());
}

// A block for every `rows` rows of each head.
inline Index blocks(const AttentionShape& s, Index rows) {
  return ceil_div(s.T, rows) * s.B * s.N;
}

// The batch is cut into so many slices, whose gradients of relative are summed apart: work for any card, by shape
// alone.
inline Index relative_slices(const AttentionShape& s) {
  constexpr Index kBlocks = 1024, kRows = 64, kMost = 16;
  const Index of_slice = std::max<Index>(1, ceil_div(s.T, kRows) * s.N);
  return std::clamp<Index>(ceil_div(kBlocks, of_slice), 1, std::clamp<Index>(s.B, 1, kMost));
}

// Scratch of backward, in floats: y . dy of each row, and the slices' gradients of relative.
struct Scratch {
  explicit Scratch(const AttentionShape& s)
      : relative((s.B * s.N * s.T + 15) / 16 * 16), size(relative + relative_slices(s) * s.N * s.T * s.D) {}
  Index relative, size;
};

inline void require_scratch(const Cuda& cuda, const AttentionShape& s, View<float, 1> scratch) {
  require(scratch.size() >= attention_scratch_size(cuda, s), "scratch must have attention_scratch_size numbers");
}

}  // namespace polonaise::kernels::attention
