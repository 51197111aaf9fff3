#include "runtime/memory.h"

#include <cstdlib>
#include <cstring>
#include <new>

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

}  // namespace

Buffer::Buffer(AnyDevice& any, std::size_t bytes, Memory kind) : bytes_(bytes) {
  if (bytes > 0) memory_ = std::visit([&](auto& device) { return take(device, bytes, kind); }, any);
}

bool shares_host_memory(const AnyDevice& device) {
  return std::holds_alternative<Cpu>(device);
}

void fill_with(const AnyDevice&, void* memory, unsigned char byte, std::size_t bytes) {
  std::memset(memory, byte, bytes);
}

void copy_to_device(const AnyDevice&, void* device, const void* host, std::size_t bytes) {
  std::memcpy(device, host, bytes);
}

void copy_to_host(const AnyDevice&, void* host, const void* device, std::size_t bytes) {
  std::memcpy(host, device, bytes);
}

void Uploads::queue(void* device, const void* host, std::size_t bytes) {
  copy_to_device(*device_, device, host, bytes);
}

void Uploads::wait() {}

}  // namespace polonaise
