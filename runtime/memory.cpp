#include "runtime/memory.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace polonaise {

namespace {
constexpr std::size_t kAlignment = 64;
}

Buffer::Buffer(AnyDevice&, std::size_t bytes) : bytes_(bytes) {
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (rounded == 0) return;
  memory_.reset(static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded)));
  if (!memory_) throw std::bad_alloc();
  std::memset(memory_.get(), 0, rounded);
}

void Buffer::Free::operator()(std::byte* p) const {
  std::free(p);
}

}  // namespace polonaise
