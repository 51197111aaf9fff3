#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/simt/here.h"

namespace polonaise::simt::emulator {

// The emulator's services to a kernel. Each lane, as a CUDA thread is called here, is a fiber; every
// function is called by a running lane and may switch to others. A broken rule ends the launch: it throws
// std::runtime_error on the host, one line with the kernel, the block, the thread, the file and the line.

struct Extent {
  unsigned x = 1, y = 1, z = 1;
};

// The running lane's. Only the emulator writes them, whenever it switches.
inline Extent threadIdx, blockIdx, blockDim, gridDim;

// Waits for all lanes of the block at one `here`. What each did before happens before what each does after.
void sync_block(Here);

// The lanes of `mask` arrive at one operation at one `here`. Only sync_warp orders memory.
enum class WarpOperation { sync, shuffle, shuffle_up, shuffle_down, shuffle_xor, ballot, together };
void sync_warp(unsigned mask, Here);
std::uint64_t shuffle(WarpOperation, unsigned mask, std::uint64_t word, unsigned operand, int width, Here);
unsigned ballot(unsigned mask, bool predicate, Here);

// kernels/simt/mma.h, by all lanes of the warp.
void mma_bf16(float* d, const std::uint32_t* a, const std::uint32_t* b, Here);
void mma_tf32(float* d, const std::uint32_t* a, const std::uint32_t* b, Here);
// `words` is the lane's row of 16 bytes.
void distribute_matrices(std::uint32_t* registers, const std::uint32_t* words, int matrices, bool transposed, Here);

// The block's memory of one SHARED() line, which `key` identifies: NaN at first, exactly `bytes` of it accessible.
void* shared_memory(const void* key, std::size_t bytes, Here);
void* dynamic_shared_memory(Here);

void fence();

// Lets other lanes run. Many in a row, with nothing else happening, are a deadlock.
void yield(Here);

// Ends the launch with an error.
[[noreturn]] void fail(const char* what, Here);

// cp.async: the target is poisoned until the copy is delivered, which its own lane does at its wait.
struct Copy {
  void* to;
  const void* from;
  unsigned bytes, valid;  // of the target; of the source, the rest becomes 0
};
void start_copy(const Copy&);
void commit_copies();
// The next copy to deliver so that at most `pending` groups remain, its target accessible again; or false.
bool next_copy(unsigned pending, Copy& copy);

// Thread block clusters.
void sync_cluster(Here);
unsigned cluster_rank();
unsigned cluster_blocks();
// Returns the address, in the shared memory of the block of that rank, of what `mine` points to in this block's.
void* shared_of_rank(void* mine, unsigned rank, Here);

}  // namespace polonaise::simt::emulator
