#pragma once

#include <cstddef>
#include <stdexcept>

// The types that cudaStream_t, cudaEvent_t and cudaGraphExec_t point to, declared here so that no header of CUDA is
// needed.
struct CUstream_st;
struct CUevent_st;
struct CUgraphExec_st;

namespace polonaise {

// The seam to CUDA's host side: all that the project asks of it, besides launch() and matrix products. Behind it stands
// CUDA's runtime (api.cpp) or the emulator (kernels/simt/emulator/), which does what CUDA permits, and no more: work of
// a stream runs as late as waiting for it allows. Everything acts on the calling thread's current card. What the card
// cannot do throws std::runtime_error, "the card could not ...".

// Makes the card of that number the calling thread's current one.
void make_current(int ordinal);

struct MemoryInfo {
  std::size_t free = 0, total = 0;
};
MemoryInfo memory_info();

class OutOfMemory : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Memory of the card, of unknown contents, freed with its owner, which waits for all work before. Only kernels and
// copy() may read it. Kernels allocate nothing: this is for contexts, arenas and tests. Where there is not so much,
// OutOfMemory says what was asked for and what is free.
class CudaMemory {
 public:
  explicit CudaMemory(std::size_t bytes);
  ~CudaMemory();
  CudaMemory(const CudaMemory&) = delete;
  CudaMemory& operator=(const CudaMemory&) = delete;

  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

// Host memory that the card reaches without the processor's help: copies of it run beside kernels.
class PinnedMemory {
 public:
  explicit PinnedMemory(std::size_t bytes);
  ~PinnedMemory();
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;

  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

// A queue of work that runs in order, beside other streams and the host.
using StreamHandle = CUstream_st*;

class CudaStream {
 public:
  CudaStream();
  ~CudaStream();  // what is queued still runs
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;

  StreamHandle handle() const { return handle_; }

 private:
  StreamHandle handle_ = nullptr;
};

// Waits until all work of the stream is done, and throws where any of it failed.
void synchronise(StreamHandle);

// Queues a copy, each side the host's or the card's. The host's side must stay as it is until the copy was waited for.
void copy(StreamHandle, void* to, const void* from, std::size_t bytes);

// Queues filling the card's memory with one byte.
void fill(StreamHandle, void* memory, unsigned char byte, std::size_t bytes);

// A point in a stream's work. One that was never recorded counts as passed.
class CudaEvent {
 public:
  CudaEvent();
  ~CudaEvent();
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;

  void record(StreamHandle) const;                     // the point after all that is queued now
  void wait_on(StreamHandle) const;                    // what is queued there from now on runs after the point
  void synchronise() const;                            // waits until the point is passed
  double seconds_until(const CudaEvent& later) const;  // both passed

 private:
  CUevent_st* handle_ = nullptr;
};

// Work recorded once, to be queued again as a whole: kernels, copies and fills with the arguments that they had.
class CudaGraph {
 public:
  // Records what is queued to the stream from here to end_capture(), and to streams that wait on its events, instead of
  // running it. Until then nothing may wait for these streams on the host, or take memory.
  static void begin_capture(StreamHandle);
  static CudaGraph end_capture(StreamHandle);

  CudaGraph(CudaGraph&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  CudaGraph& operator=(CudaGraph&& other) noexcept;
  ~CudaGraph();

  void replay(StreamHandle) const;

 private:
  explicit CudaGraph(CUgraphExec_st* handle) : handle_(handle) {}
  CUgraphExec_st* handle_;
};

}  // namespace polonaise
