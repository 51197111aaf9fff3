#include "kernels/simt/emulator/device_memory.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <new>

#include "kernels/simt/emulator/sanitizers.h"

namespace polonaise::simt::emulator {
namespace {

constexpr std::size_t kAlignment = 256;  // cudaMalloc's

std::map<void*, std::size_t>& allocations() {
  static std::map<void*, std::size_t> sizes;
  return sizes;
}

int working = 0;  // how deep

}  // namespace

void* take_device_memory(std::size_t bytes) {
  void* memory = nullptr;
  if (posix_memalign(&memory, kAlignment, bytes) != 0) throw std::bad_alloc();
  std::memset(memory, 0xFF, bytes);
  allocations()[memory] = bytes;
  if (working == 0) poison(memory, bytes);
  return memory;
}

void give_back_device_memory(void* memory) {
  unpoison(memory, allocations().at(memory));
  allocations().erase(memory);
  std::free(memory);
}

std::size_t device_memory_taken() {
  std::size_t sum = 0;
  for (const auto& [memory, bytes] : allocations()) sum += bytes;
  return sum;
}

void begin_device_work() {
  if (working++ > 0) return;
  for (const auto& [memory, bytes] : allocations()) unpoison(memory, bytes);
}

void end_device_work() {
  if (--working > 0) return;
  for (const auto& [memory, bytes] : allocations()) poison(memory, bytes);
}

}  // namespace polonaise::simt::emulator
