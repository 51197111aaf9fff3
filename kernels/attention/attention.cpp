#include "kernels/attention/attention.h"

#include <algorithm>
#include <array>

#include "kernels/base/bf16.h"
#include "kernels/base/require.h"

namespace polonaise::kernels {
namespace {

// What forward and backward are given alike.
template <class T>
void check_inputs(const AttentionShape& s, View<const T, 3> qkv, const AttentionPositions<T>& positions,
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

}  // namespace

template <class T>
void AttentionForward<T>::check() const {
  check_inputs<T>(shape, qkv, positions, y, log_sum);
}

template <class T>
void AttentionBackward<T>::check() const {
  check_inputs<T>(shape, qkv, positions, y, log_sum);
  require(same_shape(dy, y) && same_shape(dqkv, qkv), "dy must have y's shape, dqkv that of qkv");
  require(drelative.empty() || same_shape(positions.relative, drelative), "drelative must have relative's shape");
}

template <class T>
void AttentionStep<T>::check() const {
  const auto& [rotary, relative] = positions;
  const auto [B, N, C, D] = keys.extents();
  require(D >= 1 && D <= 256, "the head dimension must be 1 to 256");
  require(position.value >= 0 && C >= 1, "positions count from zero and the cache holds at least one");
  const Index held = position.at != nullptr ? C : std::min(position.value + 1, C);
  require(same_shape(keys, values), "keys and values must be [B,N,C,D]");
  require(qkv.rows() == B && qkv.columns() == 3 * N * D, "qkv must be [B,3*N*D]");
  require(y.rows() == B && y.columns() == N * D, "y must be [B,N*D]");
  require(rotary.empty() || relative.empty(), "positions are rotary or relative, not both");
  require(rotary.empty() || (rotary.rows() == 1 && rotary.columns() == D && D % 2 == 0),
          "rotary must be [1,D], the new position's angles, with D even");
  require(relative.empty() || (relative.extent(0) == N && relative.extent(1) >= held && relative.extent(2) == D),
          "relative must be [N, at least as many distances as the cache holds, D]");
}

template struct AttentionForward<float>;
template struct AttentionForward<bf16>;
template struct AttentionBackward<float>;
template struct AttentionBackward<bf16>;
template struct AttentionStep<float>;
template struct AttentionStep<bf16>;

}  // namespace polonaise::kernels
