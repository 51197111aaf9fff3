#include "kernels/cuda/host/api.h"

#include <cuda_runtime_api.h>

#include <utility>

#include "kernels/cuda/driver/check.h"

namespace polonaise {

void make_current(int ordinal) {
  check_cuda(cudaSetDevice(ordinal), "become the current one");
}

MemoryInfo memory_info() {
  MemoryInfo info;
  check_cuda(cudaMemGetInfo(&info.free, &info.total), "tell its memory");
  return info;
}

CudaMemory::CudaMemory(std::size_t bytes) {
  const cudaError_t error = cudaMalloc(&data_, bytes);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // it is told here: the next call need not tell it again
    const MemoryInfo info = memory_info();
    throw OutOfMemory("the card could not give " + std::to_string(bytes) + " bytes (" + std::to_string(info.free) +
                      " of " + std::to_string(info.total) + " are free)");
  }
  check_cuda(error, "give memory");
}

CudaMemory::~CudaMemory() {
  cudaFree(data_);
}

PinnedMemory::PinnedMemory(std::size_t bytes) {
  check_cuda(cudaMallocHost(&data_, bytes), "pin host memory");
}

PinnedMemory::~PinnedMemory() {
  cudaFreeHost(data_);
}

CudaStream::CudaStream() {
  check_cuda(cudaStreamCreateWithFlags(&handle_, cudaStreamNonBlocking), "open a stream");
}

CudaStream::~CudaStream() {
  cudaStreamDestroy(handle_);
}

void synchronise(StreamHandle stream) {
  check_cuda(cudaStreamSynchronize(stream), "finish its work");
}

void copy(StreamHandle stream, void* to, const void* from, std::size_t bytes) {
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream), "copy memory");
}

void fill(StreamHandle stream, void* memory, unsigned char byte, std::size_t bytes) {
  check_cuda(cudaMemsetAsync(memory, byte, bytes, stream), "fill memory");
}

CudaEvent::CudaEvent() {
  check_cuda(cudaEventCreate(&handle_), "make an event");
}

CudaEvent::~CudaEvent() {
  cudaEventDestroy(handle_);
}

void CudaEvent::record(StreamHandle stream) const {
  check_cuda(cudaEventRecord(handle_, stream), "record an event");
}

void CudaEvent::wait_on(StreamHandle stream) const {
  check_cuda(cudaStreamWaitEvent(stream, handle_, 0), "wait for an event");
}

void CudaEvent::synchronise() const {
  check_cuda(cudaEventSynchronize(handle_), "finish its work");
}

double CudaEvent::seconds_until(const CudaEvent& later) const {
  float milliseconds = 0;
  check_cuda(cudaEventElapsedTime(&milliseconds, handle_, later.handle_), "tell the time between events");
  return 1e-3 * static_cast<double>(milliseconds);
}

void CudaGraph::begin_capture(StreamHandle stream) {
  check_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "begin to capture a stream");
}

CudaGraph CudaGraph::end_capture(StreamHandle stream) {
  cudaGraph_t recorded = nullptr;
  check_cuda(cudaStreamEndCapture(stream, &recorded), "capture a stream");
  CUgraphExec_st* executable = nullptr;
  const cudaError_t error = cudaGraphInstantiate(&executable, recorded, 0);
  cudaGraphDestroy(recorded);
  check_cuda(error, "instantiate a graph");
  return CudaGraph(executable);
}

CudaGraph& CudaGraph::operator=(CudaGraph&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

CudaGraph::~CudaGraph() {
  if (handle_ != nullptr) cudaGraphExecDestroy(handle_);
}

void CudaGraph::replay(StreamHandle stream) const {
  check_cuda(cudaGraphLaunch(handle_, stream), "replay a graph");
}

}  // namespace polonaise
