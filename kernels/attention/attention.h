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

// What positions do inside attention; at most one of the two is given.
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

// qkv [B,T,3*N*D]: q | k | v side by side as torch's in_proj makes them, heads within each. y [B,T,N*D].
// log_sum [B,N,T]: log-sum-exp of the scaled scores, kept for backward. y must not overlap qkv.
// scratch: attention_scratch_size floats, which on a CPU grows with the threads; aligned to 64 bytes it is fastest.
// On a CPU each (row, head) is one task; tiles are fixed by shape, so results repeat bit for bit for any number of
// threads, and from launch to launch.
Index attention_scratch_size(const Cpu&, const AttentionShape&);
Index attention_scratch_size(const Cuda&, const AttentionShape&);
template <class T>
void attention_forward(Cpu&, const AttentionShape&, View<const T, 3> qkv, const AttentionPositions<T>&, View<T, 3> y,
                       View<float, 3> log_sum, View<float, 1> scratch);
template <class T>
void attention_forward(Cuda&, const AttentionShape&, View<const T, 3> qkv, const AttentionPositions<T>&, View<T, 3> y,
                       View<float, 3> log_sum, View<float, 1> scratch);

// dqkv is written (or added to) and overlaps nothing else. drelative, in relative's shape, is a parameter's gradient
// and float whatever T is: the optimizer's masters are. It is added to over the batch in an order fixed by shape (on a
// CPU in ascending b, one thread a head); it may be empty: not computed.
template <class T>
void attention_backward(Cpu&, const AttentionShape&, View<const T, 3> qkv, const AttentionPositions<T>&,
                        View<const T, 3> y, View<const float, 3> log_sum, View<const T, 3> dy, View<T, 3> dqkv,
                        Accumulate, View<float, 3> drelative, View<float, 1> scratch);
template <class T>
void attention_backward(Cuda&, const AttentionShape&, View<const T, 3> qkv, const AttentionPositions<T>&,
                        View<const T, 3> y, View<const float, 3> log_sum, View<const T, 3> dy, View<T, 3> dqkv,
                        Accumulate, View<float, 3> drelative, View<float, 1> scratch);

// One step of decoding: writes the new key and value into the cache, then attends over what it holds.
// The cache is a ring of `capacity` entries: position p stands at p % capacity, and the newest min(position + 1,
// capacity) positions are attended to. Keys are stored rotated, so dropping the oldest entry changes no other score.
// qkv [B,3*N*D] of the new position; keys, values [B,N,capacity,D]; rotary [1,D] holds the new position's angles;
// relative must cover the distances that the cache holds, all that it can hold where the position is found in memory;
// y [B,N*D]. Allocates nothing.
template <class T>
void attention_step(Cpu&, const AttentionShape& /*T is not used*/, View<const T, 2> qkv, const AttentionPositions<T>&,
                    Position position, View<T, 4> keys, View<T, 4> values, View<T, 2> y);
template <class T>
void attention_step(Cuda&, const AttentionShape& /*T is not used*/, View<const T, 2> qkv, const AttentionPositions<T>&,
                    Position position, View<T, 4> keys, View<T, 4> values, View<T, 2> y);

}  // namespace polonaise::kernels
