#pragma once

namespace polonaise {

// The device contexts that select a kernel's implementation by overload.

// The CPU. `threads` is how many threads a kernel may use: 1 inside a shard of the batch (the shards are the threads),
// more outside one. Loops are cut into blocks fixed by shape alone, so no result depends on it.
struct Cpu {
  int threads = 1;
};

// A CUDA GPU with its stream, handles and properties; defined in kernels/cuda/host/context.h.
class Cuda;

}  // namespace polonaise
