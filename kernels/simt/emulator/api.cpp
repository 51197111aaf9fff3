#include "kernels/cuda/host/api.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "kernels/cuda/host/context.h"
#include "kernels/simt/emulator/device_memory.h"
#include "kernels/simt/emulator/grid.h"
#include "kernels/simt/emulator/sanitizers.h"
#include "kernels/simt/emulator/stream.h"

// The emulated card: of compute capability 9.0, so that clusters run, and small, so that loops over a grid's width turn
// more than once in tests.

namespace {

constexpr int kMultiprocessors = 8;
constexpr std::size_t kMemory = std::size_t{8} << 30;
constexpr std::size_t kAlignment = 256;  // cudaMallocHost's

// Exactly `bytes`, so that AddressSanitizer knows the end, of NaN.
void* allocate_pinned(std::size_t bytes) {
  void* memory = nullptr;
  if (posix_memalign(&memory, kAlignment, bytes) != 0) throw std::bad_alloc();
  std::memset(memory, 0xFF, bytes);
  return memory;
}

}  // namespace

// A point in a stream's work. Every record() makes a new one: who waits keeps the one of that time.
struct RecordedPoint {
  polonaise::StreamHandle stream;
  std::size_t number;  // of the stream's tasks before it
  std::shared_ptr<polonaise::simt::emulator::Recording> recording;
  bool passed = false;
  char order = 0;
  std::chrono::steady_clock::time_point time = {};

  void run() {
    if (!passed) stream->run_until(number);
    polonaise::simt::emulator::acquire(&order);
  }
};

struct CUevent_st {
  std::shared_ptr<RecordedPoint> point;
};

struct CUgraphExec_st {
  std::vector<std::function<void()>> work;
};

namespace polonaise {

CudaCards find_cuda_cards() {
  return {{},
          {{.ordinal = 0,
            .name = "emulated card",
            .major = 9,
            .minor = 0,
            .multiprocessors = kMultiprocessors,
            .shared_memory_per_block = simt::emulator::kSharedPerBlock,
            .shared_memory_per_multiprocessor = simt::emulator::kSharedPerBlock + 1024,
            .memory = kMemory}}};
}

void make_current(int ordinal) {
  if (ordinal != 0) throw std::runtime_error("the card could not become the current one: there is one emulated card");
}

MemoryInfo memory_info() {
  return {kMemory - simt::emulator::device_memory_taken(), kMemory};
}

CudaMemory::CudaMemory(std::size_t bytes) {
  simt::emulator::refuse_during_capture();
  const MemoryInfo info = memory_info();
  if (bytes > info.free)
    throw OutOfMemory("the card could not give " + std::to_string(bytes) + " bytes (" + std::to_string(info.free) +
                      " of " + std::to_string(info.total) + " are free)");
  data_ = simt::emulator::take_device_memory(bytes);
}

CudaMemory::~CudaMemory() {
  simt::emulator::run_all_streams();
  simt::emulator::give_back_device_memory(data_);
}

PinnedMemory::PinnedMemory(std::size_t bytes) {
  simt::emulator::refuse_during_capture();
  data_ = allocate_pinned(bytes);
}

PinnedMemory::~PinnedMemory() {
  simt::emulator::run_all_streams();
  std::free(data_);
}

CudaStream::CudaStream() : handle_(new CUstream_st) {}

CudaStream::~CudaStream() {
  delete handle_;
}

void synchronise(StreamHandle stream) {
  stream->run_all();
  stream->check();
}

void copy(StreamHandle stream, void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) stream->queue([=] { std::memcpy(to, from, bytes); });  // nothing may have no address
}

void fill(StreamHandle stream, void* memory, unsigned char byte, std::size_t bytes) {
  if (bytes > 0) stream->queue([=] { std::memset(memory, byte, bytes); });
}

CudaEvent::CudaEvent() : handle_(new CUevent_st) {}

CudaEvent::~CudaEvent() {
  delete handle_;
}

void CudaEvent::record(StreamHandle stream) const {
  auto point = std::make_shared<RecordedPoint>();
  point->stream = stream;
  point->recording = stream->recording;
  handle_->point = point;
  if (point->recording) return;  // a capture's work is replayed in the order in which it was queued
  const auto pass = [point] {
    point->passed = true;
    point->time = std::chrono::steady_clock::now();
    simt::emulator::release(&point->order);
  };
  stream->queue(pass, true);
  point->number = stream->queued();
}

void CudaEvent::wait_on(StreamHandle stream) const {
  const auto point = handle_->point;
  if (!point) return;
  if (point->recording) {
    stream->recording = point->recording;
  } else {
    stream->queue([point] { point->run(); }, true);
  }
}

void CudaEvent::synchronise() const {
  if (!handle_->point) return;
  if (handle_->point->recording)
    throw std::runtime_error("the card could not finish its work: the event belongs to a capture");
  handle_->point->run();
}

double CudaEvent::seconds_until(const CudaEvent& later) const {
  const auto begin = handle_->point, end = later.handle_->point;
  if (!begin || !end || !begin->passed || !end->passed)
    throw std::runtime_error("the card could not tell the time between events: they are not both passed");
  return std::chrono::duration<double>(end->time - begin->time).count();
}

void CudaGraph::begin_capture(StreamHandle stream) {
  if (stream->recording) throw std::runtime_error("the card could not begin to capture a stream: it is being captured");
  stream->recording = std::make_shared<simt::emulator::Recording>();
}

CudaGraph CudaGraph::end_capture(StreamHandle stream) {
  const auto recording = stream->recording;
  if (!recording) throw std::runtime_error("the card could not capture a stream: no capture was begun");
  simt::emulator::end_recording(recording);
  return CudaGraph(new CUgraphExec_st{recording->work});
}

CudaGraph& CudaGraph::operator=(CudaGraph&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

CudaGraph::~CudaGraph() {
  delete handle_;
}

void CudaGraph::replay(StreamHandle stream) const {
  for (const auto& work : handle_->work) stream->queue(work);
}

}  // namespace polonaise
