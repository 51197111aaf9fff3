#pragma once

#include <cstdint>

#include "kernels/base/bf16.h"
#include "kernels/base/view.h"
#include "kernels/cuda/host/context.h"

// One kernel for each word of kernels/simt; all pointers are to the device's memory.

namespace polonaise::testing {

// Each of 32 lanes: what every shuffle, with a width of 8 too, gives it of the lanes' numbers, and the votes. [32, 9]
inline constexpr int kShuffles = 9;
void shuffle_lanes(const Cuda&, const float* x, float* results);

// y[lane] = x[32 - 1 - lane]: through shared memory, the lanes telling each other by a shuffle where to read. [32]
void reverse_through_shared(const Cuda&, const float* x, float* y);

// The sum and the maximum over each warp and over all 128 threads. [128, 4]
void reduce_threads(const Cuda&, const float* x, float* results);

// d [16,8] = a [16,16] b [16,8] through ldmatrix, b [8,16] transposed beforehand or not; and of tf32, a [16,8], b
// [8,8].
void multiply_bf16(const Cuda&, const bf16* a, const bf16* b, bool b_is_transposed, float* d);
void multiply_tf32(const Cuda&, const float* a, const float* b, float* d);

// y[i] = x[i] for i < n, and 0 from there to `size`: through two buffers of shared memory, filled asynchronously.
void copy_through_shared(const Cuda&, const float* x, Index n, Index size, float* y);

// Each of `blocks` blocks: `rounds` times the sum over all blocks' numbers, which grow by one in each round.
void sum_over_grid(const Cuda&, Index blocks, int rounds, unsigned* barrier, unsigned* numbers, unsigned* sums);

// Block 1 waits for block 0's number.
void pass_a_flag(const Cuda&, unsigned* flag, unsigned* number, unsigned* result);

// Each block of a cluster writes its rank into the shared memory of the next. [blocks]
void pass_around_cluster(const Cuda&, Index blocks, unsigned* received);

// The last of the blocks to arrive adds up what all wrote, behind fences.
void last_block_sums(const Cuda&, Index blocks, unsigned* arrived, unsigned* numbers, unsigned* sum);

void round_to_bf16(const Cuda&, Index n, const float* x, std::uint16_t* bits);

void reverse_rows_of_four(const Cuda&, Index n, const float* x, float* y);

// y[i] = x[i] + 1, in blocks of 32.
void add_one(const Cuda&, Index n, const float* x, float* y);

}  // namespace polonaise::testing
