#pragma once

#include "kernels/base/devices.h"
#include "kernels/base/view.h"
#include "kernels/position/position.h"

namespace polonaise::kernels {

// Causal multi-head self-attention, fused: scores live in tiles, never as a [T,T] matrix in memory. Online softmax and
// recomputing backward after FlashAttention (Dao et al. 2022; Dao 2023); relative positions after Music Transformer
// (Huang et al. 2018); rotary positions after RoFormer (Su et al. 2021, "rotate half" pairing: i with i + D/2).
//
//   score[b,n,i,j] = (q_i . k_j + q_i . relative[n, i-j]) / sqrt(D)      for j <= i, otherwise -inf
//   y[b,i,n,:]     = sum_j softmax_j(score[b,n,i,:]) v_j
// q_i and k_j are rotated by the angles of rows i and j first where `rotary` is given.

// The position encoding inside attention: at most one of the two views is given.
template <class T>
struct AttentionPositions {
  View<const float, 2>
      rotary;                 // [at least T, D] from rotary_angles, or empty; float, as bf16 has not the angles' digits
  View<const T, 3> relative;  // [N, at least T, D]: entry d is the embedding of distance d = i - j >= 0, or empty
};

struct AttentionShape {
  Index B = 0;  // rows of the batch
  Index T = 0;  // positions, any number >= 1
  Index N = 0;  // heads
  Index D = 0;  // head dimension, 1..256 (even with rotary)
};

// Scratch of forward and of backward, in floats; on a CPU it grows with the threads. Aligned to 64 bytes it is fastest.
Index attention_scratch_size(const Cpu&, const AttentionShape&);
Index attention_scratch_size(const Cuda&, const AttentionShape&);

// y must not overlap qkv. On a CPU each head of each row is one task. Tiles are fixed by shape, so results repeat bit
// for bit for any number of threads, and from launch to launch. Cpu: T = float; Cuda: float and bf16.
template <class T>
struct AttentionForward {
  AttentionShape shape;
  View<const T, 3> qkv;  // [B,T,3*N*D]: q | k | v side by side as torch's in_proj makes them, heads within each
  AttentionPositions<T> positions = {};
  View<T, 3> y;            // [B,T,N*D]
  View<float, 3> log_sum;  // [B,N,T]: log-sum-exp of the scaled scores, for backward
  View<float, 1> scratch;  // [at least attention_scratch_size]

  void check() const;
};
template <class T>
void attention_forward(Cpu&, const AttentionForward<T>&);
template <class T>
void attention_forward(Cuda&, const AttentionForward<T>&);

// dqkv overlaps nothing else. drelative is a parameter's gradient and float whatever T is: the optimizer's masters are.
// It is added to over the batch in an order fixed by shape (on a CPU in ascending b, one thread a head).
template <class T>
struct AttentionBackward {
  AttentionShape shape;
  View<const T, 3> qkv;  // [B,T,3*N*D]
  AttentionPositions<T> positions = {};
  View<const T, 3> y;            // [B,T,N*D], as forward made it
  View<const float, 3> log_sum;  // [B,N,T], as forward made it
  View<const T, 3> dy;           // [B,T,N*D]
  View<T, 3> dqkv;               // [B,T,3*N*D]
  Accumulate accumulate = Accumulate::no;
  View<float, 3> drelative = {};  // relative's shape, or empty: not computed
  View<float, 1> scratch;         // [at least attention_scratch_size]

  void check() const;
};
template <class T>
void attention_backward(Cpu&, const AttentionBackward<T>&);
template <class T>
void attention_backward(Cuda&, const AttentionBackward<T>&);

// A step of decoding: it writes the new key and value into the cache, then attends over the cache.
// The cache is a ring of C entries: position p stands at p % C, and the newest min(position + 1, C) positions are
// attended to. Keys are stored rotated, so dropping the oldest entry changes no other score. Allocates nothing.
template <class T>
struct AttentionStep {
  View<const T, 2> qkv;  // [B,3*N*D] of the new position
  // rotary [1,D] has the new position's angles. relative must cover the distances that the cache holds, and all that it
  // can hold where the position is found in memory.
  AttentionPositions<T> positions = {};
  Position position;
  View<T, 4> keys, values;  // [B,N,C,D]
  View<T, 2> y;             // [B,N*D]

  void check() const;
};
template <class T>
void attention_step(Cpu&, const AttentionStep<T>&);
template <class T>
void attention_step(Cuda&, const AttentionStep<T>&);

}  // namespace polonaise::kernels
