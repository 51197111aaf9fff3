#include "tests/kernels/cuda/vocabulary.h"

#include "kernels/cuda/host/launch.h"
#include "kernels/simt/simt.h"

namespace polonaise::testing {
namespace {

using namespace simt;

__global__ void shuffles(const float* x, float* results) {
  const int lane = static_cast<int>(threadIdx.x);
  const float value = x[lane];
  float* const mine = results + lane * kShuffles;
  mine[0] = __shfl_sync(kWholeWarp, value, 5);
  mine[1] = __shfl_up_sync(kWholeWarp, value, 3);
  mine[2] = __shfl_down_sync(kWholeWarp, value, 3);
  mine[3] = __shfl_xor_sync(kWholeWarp, value, 6);
  mine[4] = __shfl_sync(kWholeWarp, value, 5, 8);
  mine[5] = __shfl_up_sync(kWholeWarp, value, 3, 8);
  mine[6] = __shfl_down_sync(kWholeWarp, value, 3, 8);
  mine[7] = static_cast<float>(__popc(__ballot_sync(kWholeWarp, value > 0)));
  // Two halves apart.
  const unsigned half = lane < 16 ? 0x0000FFFFu : 0xFFFF0000u;
  mine[8] = static_cast<float>(__any_sync(half, lane == 3) * 2 + __all_sync(half, lane >= 16));
}

__global__ void reverse(const float* x, float* y) {
  SHARED(float, values, [32]);
  const int lane = static_cast<int>(threadIdx.x);
  values[lane] = x[lane];
  const int source = __shfl_sync(kWholeWarp, lane, 31 - lane);
  __syncwarp();  // a shuffle orders no memory
  y[lane] = values[source];
}

__global__ void reductions(const float* x, float* results) {
  const float value = x[threadIdx.x];
  float* const mine = results + threadIdx.x * 4;
  mine[0] = warp::sum(value);
  mine[1] = warp::max(value);
  mine[2] = block::sum<128>(value);
  mine[3] = block::max<128>(value);
}

template <bool b_is_transposed>
__global__ void product_bf16(const bf16* a, const bf16* b, float* d) {
  SHARED(bf16, a_tile, [16][16]);
  SHARED(bf16, b_tile, [128]);
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = lane; i < 256; i += 32) a_tile[i / 16][i % 16] = a[i];
  for (int i = lane; i < 128; i += 32) b_tile[i] = b[i];
  __syncwarp();
  std::uint32_t a_registers[4], b_registers[2];
  ldmatrix_x4(a_registers, &a_tile[lane % 16][lane / 16 * 8]);
  if constexpr (b_is_transposed)
    ldmatrix_x2(b_registers, &b_tile[lane % 8 * 16 + lane / 8 % 2 * 8]);
  else
    ldmatrix_x2<true>(b_registers, &b_tile[lane % 16 * 8]);
  float sums[4] = {};
  mma_m16n8k16(sums, a_registers, b_registers);
  for (int i = 0; i < 4; ++i) d[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = sums[i];
}

__global__ void product_tf32(const float* a, const float* b, float* d) {
  const int g = static_cast<int>(threadIdx.x) / 4, t = static_cast<int>(threadIdx.x) % 4;
  const std::uint32_t a_registers[4] = {to_tf32(a[g * 8 + t]), to_tf32(a[(g + 8) * 8 + t]), to_tf32(a[g * 8 + t + 4]),
                                        to_tf32(a[(g + 8) * 8 + t + 4])};
  const std::uint32_t b_registers[2] = {to_tf32(b[t * 8 + g]), to_tf32(b[(t + 4) * 8 + g])};
  float sums[4] = {};
  mma_m16n8k8(sums, a_registers, b_registers);
  for (int i = 0; i < 4; ++i) d[(g + i / 2 * 8) * 8 + t * 2 + i % 2] = sums[i];
}

// A block of 32 threads copies tiles of 128 floats; while one is used the next is under way.
__global__ void copy_tiles(const float* x, Index n, Index tiles, float* y) {
  auto* const buffers = dynamic_shared<float>();  // [2][128]
  const Index lane = threadIdx.x;
  const auto start = [&](Index tile) {
    const Index i = tile * 128 + 4 * lane, left = n > i ? n - i : 0;
    copy_async<16>(buffers + tile % 2 * 128 + 4 * lane, left > 0 ? x + i : x,
                   static_cast<unsigned>(left < 4 ? left * 4 : 16));
    copy_async_commit();
  };
  start(0);
  for (Index tile = 0; tile < tiles; ++tile) {
    if (tile + 1 < tiles) {
      start(tile + 1);
      copy_async_wait<1>();
    } else {
      copy_async_wait<0>();
    }
    __syncthreads();
    for (Index i = 0; i < 4; ++i) y[tile * 128 + i * 32 + lane] = buffers[tile % 2 * 128 + i * 32 + lane];
    __syncthreads();
  }
}

__global__ void grid_sums(int rounds, unsigned* barrier, unsigned* numbers, unsigned* sums) {
  for (int round = 0; round < rounds; ++round) {
    if (threadIdx.x == 0) numbers[blockIdx.x] += 1;
    grid_sync(barrier);
    if (threadIdx.x == 0) {
      unsigned sum = 0;
      for (unsigned i = 0; i < gridDim.x; ++i) sum += numbers[i];
      sums[blockIdx.x * rounds + round] = sum;
    }
    grid_sync(barrier);
  }
}

__global__ void flags(unsigned* flag, unsigned* number, unsigned* result) {
  if (threadIdx.x != 0) return;
  if (blockIdx.x == 0) {
    *number = 42;
    store_release(flag, 1);
  } else {
    while (load_acquire(flag) == 0) spin_wait();
    *result = *number;
  }
}

__global__ void around_cluster(unsigned* received) {
  SHARED(unsigned, mailbox);
  cluster_sync();
  if (threadIdx.x == 0) *cluster_shared(&mailbox, (cluster_rank() + 1) % cluster_blocks()) = cluster_rank();
  cluster_sync();
  if (threadIdx.x == 0) received[blockIdx.x] = mailbox;
}

__global__ void last_sums(unsigned* arrived, unsigned* numbers, unsigned* sum) {
  if (threadIdx.x != 0) return;
  numbers[blockIdx.x] = blockIdx.x + 1;
  __threadfence();
  if (atomicAdd(arrived, 1u) + 1 != gridDim.x) return;
  __threadfence();
  unsigned total = 0;
  for (unsigned i = 0; i < gridDim.x; ++i) total += numbers[i];
  *sum = total;
}

__global__ void rounded(Index n, const float* x, std::uint16_t* bits) {
  const Index i = static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) bits[i] = bf16(x[i]).bits;
}

__global__ void reversed(Index n, const float* x, float* y) {
  const Index i = 4 * (static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x);
  if (i >= n) return;
  const auto row = load<4>(x + i);
  store(y + i, Vector<float, 4>{row[3], row[2], row[1], row[0]});
}

__global__ void plus_one(Index n, const float* x, float* y) {
  const Index i = static_cast<Index>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) y[i] = x[i] + 1.0f;
}

}  // namespace

void shuffle_lanes(const Cuda& cuda, const float* x, float* results) {
  launch(cuda, "shuffles", {.block = {32}}, shuffles, x, results);
}

void reverse_through_shared(const Cuda& cuda, const float* x, float* y) {
  launch(cuda, "reverse", {.block = {32}}, reverse, x, y);
}

void reduce_threads(const Cuda& cuda, const float* x, float* results) {
  launch(cuda, "reductions", {.block = {128}}, reductions, x, results);
}

void multiply_bf16(const Cuda& cuda, const bf16* a, const bf16* b, bool b_is_transposed, float* d) {
  launch(cuda, "product_bf16", {.block = {32}}, b_is_transposed ? product_bf16<true> : product_bf16<false>, a, b, d);
}

void multiply_tf32(const Cuda& cuda, const float* a, const float* b, float* d) {
  launch(cuda, "product_tf32", {.block = {32}}, product_tf32, a, b, d);
}

void copy_through_shared(const Cuda& cuda, const float* x, Index n, Index size, float* y) {
  launch(cuda, "copy_tiles", {.block = {32}, .shared_bytes = 2 * 128 * sizeof(float)}, copy_tiles, x, n, size / 128, y);
}

void sum_over_grid(const Cuda& cuda, Index blocks, int rounds, unsigned* barrier, unsigned* numbers, unsigned* sums) {
  launch(cuda, "grid_sums", {.grid = {blocks}, .block = {64}, .cooperative = true}, grid_sums, rounds, barrier, numbers,
         sums);
}

void pass_a_flag(const Cuda& cuda, unsigned* flag, unsigned* number, unsigned* result) {
  launch(cuda, "flags", {.grid = {2}, .block = {32}, .cooperative = true}, flags, flag, number, result);
}

void pass_around_cluster(const Cuda& cuda, Index blocks, unsigned* received) {
  launch(cuda, "around_cluster", {.grid = {blocks}, .block = {64}, .cluster = blocks}, around_cluster, received);
}

void last_block_sums(const Cuda& cuda, Index blocks, unsigned* arrived, unsigned* numbers, unsigned* sum) {
  launch(cuda, "last_sums", {.grid = {blocks}, .block = {32}}, last_sums, arrived, numbers, sum);
}

void round_to_bf16(const Cuda& cuda, Index n, const float* x, std::uint16_t* bits) {
  launch(cuda, "rounded", {.grid = {ceil_div(n, 128)}, .block = {128}}, rounded, n, x, bits);
}

void reverse_rows_of_four(const Cuda& cuda, Index n, const float* x, float* y) {
  launch(cuda, "reversed", {.grid = {ceil_div(n, 128)}, .block = {32}}, reversed, n, x, y);
}

void add_one(const Cuda& cuda, Index n, const float* x, float* y) {
  launch(cuda, "plus_one", {.grid = {ceil_div(n, 32)}, .block = {32}}, plus_one, n, x, y);
}

}  // namespace polonaise::testing
