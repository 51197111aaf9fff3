#pragma once

#include "kernels/attention/attention.h"
#include "kernels/base/bf16.h"

// The arguments of attention's kernels.
namespace polonaise::kernels::attention {

// The rows of one head: `count` rows of `columns` elements, `stride` apart.
template <class T>
struct Rows {
  T* data;
  Index stride;
  int count, columns;

  constexpr T* row(int r) const { return data + r * stride; }
};

// Returns the rows of a tensor [B,T,...] or [N,...] that have the outermost index `b`, from column `begin` on.
template <class T>
constexpr Rows<T> rows_of(const View<T, 3>& x, Index b, Index count, Index begin, Index columns) {
  return {x.row(b * x.extent(1)) + begin, x.stride(), static_cast<int>(count), static_cast<int>(columns)};
}

template <class T>
struct Problem {
  AttentionShape s;
  View<const T, 3> qkv;
  AttentionPositions<T> positions;
  float scale;  // of scores
  bool wide;    // whether q, k, v, relative and the angles may be read 16 bytes at a time

  constexpr Rows<const T> part(Index which, Index b, Index n) const {
    return rows_of(qkv, b, s.T, (which * s.N + n) * s.D, s.D);
  }
  constexpr Rows<const T> q(Index b, Index n) const { return part(0, b, n); }
  constexpr Rows<const T> k(Index b, Index n) const { return part(1, b, n); }
  constexpr Rows<const T> v(Index b, Index n) const { return part(2, b, n); }
  constexpr Rows<const T> relative(Index n) const { return rows_of(positions.relative, n, s.T, 0, s.D); }
};

// The arguments that only backward takes.
template <class T>
struct Gradients {
  View<const T, 3> dy;
  View<const float, 3> log_sum;
  const float* deltas;  // [B,N,T]: y . dy of each row, which is the mean of the row's dp
  View<T, 3> dqkv;
  Accumulate accumulate;
  bool wide, wide_dqkv;  // whether dy may be read, and dqkv written, 16 bytes at a time

  constexpr Rows<const T> output(const AttentionShape& s, Index b, Index n) const {
    return rows_of(dy, b, s.T, n * s.D, s.D);
  }
  constexpr Rows<T> part(const AttentionShape& s, Index which, Index b, Index n) const {
    return rows_of(dqkv, b, s.T, (which * s.N + n) * s.D, s.D);
  }
};

// The kernels of float run on the float units, those of bf16 on tensor cores.
void forward(Cuda&, const Problem<float>&, View<float, 3> y, View<float, 3> log_sum);
void forward(Cuda&, const Problem<bf16>&, View<bf16, 3> y, View<float, 3> log_sum);

void backward(Cuda&, const Problem<float>&, const Gradients<float>&);
void backward(Cuda&, const Problem<bf16>&, const Gradients<bf16>&);

// The gradient of relative: each of `slices` of the batch writes its sums, [N,T,D].
void backward_relative(Cuda&, const Problem<float>&, const Gradients<float>&, Index slices, float* sums);
void backward_relative(Cuda&, const Problem<bf16>&, const Gradients<bf16>&, Index slices, float* sums);

// Adds these to drelative, slice by slice.
void add_relative_gradient(Cuda&, const AttentionShape&, Index slices, const float* sums, View<float, 3> drelative);

}  // namespace polonaise::kernels::attention
