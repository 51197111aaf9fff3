#pragma once

#include <algorithm>

#include "kernels/attention/attention.h"
#include "kernels/base/require.h"

// What attention requires of its arguments, on every device.
namespace polonaise::kernels {

template <class T>
void require_attention(const AttentionShape& s, View<const T, 3> qkv, const AttentionPositions<T>& positions,
                       View<const T, 3> y, View<const float, 3> log_sum) {
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

template <class T>
void require_attention_gradient(const AttentionShape& s, View<const T, 3> qkv, const AttentionPositions<T>& positions,
                                View<const T, 3> y, View<const float, 3> log_sum, View<const T, 3> dy,
                                View<const T, 3> dqkv, View<float, 3> drelative) {
  require_attention<T>(s, qkv, positions, y, log_sum);
  require(same_shape(dy, y) && same_shape(dqkv, qkv), "dy must have y's shape, dqkv that of qkv");
  require(drelative.empty() || same_shape(positions.relative, drelative), "drelative must have relative's shape");
}

template <class T>
void require_attention_step(const AttentionShape& s, View<const T, 2> qkv, const AttentionPositions<T>& positions,
                            Position position, View<const T, 4> keys, View<const T, 4> values, View<const T, 2> y) {
  const auto& [rotary, relative] = positions;
  const Index capacity = keys.extent(2);
  require(s.D >= 1 && s.D <= 256, "the head dimension must be 1 to 256");
  const Index held = position.at != nullptr ? capacity : std::min(position.value + 1, capacity);
  require(position.value >= 0 && capacity >= 1, "positions count from zero and the cache holds at least one");
  require(qkv.rows() == s.B && qkv.columns() == 3 * s.N * s.D, "qkv must be [B,3*N*D]");
  require(y.rows() == s.B && y.columns() == s.N * s.D, "y must be [B,N*D]");
  require(keys.extents() == std::array<Index, 4>{s.B, s.N, capacity, s.D} && same_shape(keys, values),
          "keys and values must be [B,N,capacity,D]");
  require(rotary.empty() || relative.empty(), "positions are rotary or relative, not both");
  require(rotary.empty() || (rotary.rows() == 1 && rotary.columns() == s.D && s.D % 2 == 0),
          "rotary must be [1,D], the new position's angles, with D even");
  require(relative.empty() || (relative.extent(0) == s.N && relative.extent(1) >= held && relative.extent(2) == s.D),
          "relative must be [N, at least as many distances as the cache holds, D]");
}

}  // namespace polonaise::kernels
