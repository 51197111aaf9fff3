#include "runtime/device/memory.h"

#include <cstdlib>
#include <cstring>
#include <new>

#ifdef POLONAISE_HAS_CUDA
#include "kernels/cuda/host/api.h"
#include "kernels/cuda/host/copies.h"
#endif

namespace polonaise {
namespace {

constexpr std::size_t kAlignment = 64;

using Owner = std::unique_ptr<std::byte, std::function<void(std::byte*)>>;

Owner take(Cpu&, std::size_t bytes, Memory) {
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  Owner memory(static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded)), [](std::byte* p) { std::free(p); });
  if (!memory) throw std::bad_alloc();
  std::memset(memory.get(), 0, rounded);
  return memory;
}

void fill_on(const Cpu&, void* memory, unsigned char byte, std::size_t bytes) {
  std::memset(memory, byte, bytes);
}

// kernels/cuda/host/copies.h has the same for a card.
void copy_to_device(const Cpu&, void* device, const void* host, std::size_t bytes) {
  std::memcpy(device, host, bytes);
}
void copy_to_host(const Cpu&, void* host, const void* device, std::size_t bytes) {
  std::memcpy(host, device, bytes);
}

// A copy that may come late, and what to wait for.
void queue_copy(const Cpu&, void* to, const void* from, std::size_t bytes, std::shared_ptr<CudaEvent>&) {
  std::memcpy(to, from, bytes);
}

#ifdef POLONAISE_HAS_CUDA

template <class T>
Owner owner(std::size_t bytes) {
  auto memory = std::make_shared<T>(bytes);
  auto* const data = static_cast<std::byte*>(memory->data());
  return {data, [kept = std::move(memory)](std::byte*) {}};
}

void fill_on(const Cuda& cuda, void* memory, unsigned char byte, std::size_t bytes) {
  cuda.make_current();
  fill(cuda.stream(), memory, byte, bytes);
}

Owner take(Cuda& cuda, std::size_t bytes, Memory kind) {
  cuda.make_current();
  if (kind == Memory::pinned) {
    Owner memory = owner<PinnedMemory>(bytes);
    std::memset(memory.get(), 0, bytes);
    return memory;
  }
  Owner memory = owner<CudaMemory>(bytes);
  fill_on(cuda, memory.get(), 0, bytes);
  return memory;
}

void queue_copy(const Cuda& cuda, void* to, const void* from, std::size_t bytes, std::shared_ptr<CudaEvent>& last) {
  cuda.make_current();
  copy(cuda.stream(), to, from, bytes);
  if (!last) last = std::make_shared<CudaEvent>();
  last->record(cuda.stream());
}

#endif

}  // namespace

Buffer::Buffer(AnyDevice& any, std::size_t bytes, Memory kind) : bytes_(bytes) {
  if (bytes > 0) memory_ = std::visit([&](auto& device) { return take(device, bytes, kind); }, any);
}

bool shares_host_memory(const AnyDevice& device) {
  return std::holds_alternative<Cpu>(device);
}

void fill_with(const AnyDevice& any, void* memory, unsigned char byte, std::size_t bytes) {
  std::visit([&](const auto& device) { fill_on(device, memory, byte, bytes); }, any);
}

void copy_to_device(const AnyDevice& any, void* to, const void* host, std::size_t bytes) {
  std::visit([&](const auto& device) { copy_to_device(device, to, host, bytes); }, any);
}

void copy_to_host(const AnyDevice& any, void* host, const void* from, std::size_t bytes) {
  std::visit([&](const auto& device) { copy_to_host(device, host, from, bytes); }, any);
}

void QueuedCopies::queue(void* to, const void* from, std::size_t bytes) {
  std::visit([&](const auto& device) { queue_copy(device, to, from, bytes, last_); }, *device_);
}

void QueuedCopies::wait() {
#ifdef POLONAISE_HAS_CUDA
  if (last_) last_->synchronise();
#endif
}

}  // namespace polonaise
