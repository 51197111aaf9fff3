#include "runtime/device/inbox.h"

#include <algorithm>
#include <cstring>
#include <functional>

#ifdef POLONAISE_HAS_CUDA

#include "kernels/cuda/host/api.h"
#include "kernels/cuda/host/context.h"

namespace polonaise {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kFirstChunk = std::size_t{1} << 16;

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

bool holds(const Buffer& memory, const void* address) {
  return std::less_equal<const void*>()(memory.data(), address) &&
         std::less<const void*>()(address, memory.data() + memory.bytes());
}

StreamHandle kernels_of(const AnyDevice& card) {
  const Cuda& cuda = std::get<Cuda>(card);
  cuda.make_current();
  return cuda.stream();
}

}  // namespace

Inbox::Side& Inbox::side() {
  if (!stream_) {
    kernels_of(*card_);
    stream_ = std::make_shared<CudaStream>();
    for (Side& side : sides_) {
      side.sent = std::make_shared<CudaEvent>();
      side.read = std::make_shared<CudaEvent>();
    }
  }
  return sides_[now_];
}

void Inbox::grow(Side& side, std::size_t bytes) {
  side.chunks.push_back({Buffer(*card_, bytes, Memory::pinned), Buffer(*card_, bytes)});
  side.used = 0;
  ++generation_;
  // The card's new memory is filled in the kernels' stream; copies come after that.
  side.read->record(kernels_of(*card_));
  side.read->wait_on(stream_->handle());
}

std::byte* Inbox::allocate(std::size_t bytes) {
  Side& side = this->side();
  bytes = aligned(bytes);
  if (side.chunks.empty() || side.used + bytes > side.chunks.back().host.bytes()) {
    grow(side, std::max({bytes, kFirstChunk, side.chunks.empty() ? 0 : 2 * side.chunks.back().host.bytes()}));
  }
  std::byte* const memory = side.chunks.back().host.data() + side.used;
  side.used += bytes;
  return memory;
}

const Inbox::Chunk* Inbox::chunk_of(const void* address) const {
  for (const Chunk& chunk : sides_[now_].chunks)
    if (holds(chunk.host, address)) return &chunk;
  return nullptr;
}

void Inbox::send(std::span<UploadedArray> arrays) {
  const auto address = [](const UploadedArray& array) { return static_cast<const std::byte*>(array.values); };
  for (UploadedArray& array : arrays)
    if (chunk_of(array.values) == nullptr) array.values = std::memcpy(allocate(array.bytes), array.values, array.bytes);
  const StreamHandle kernels = kernels_of(*card_);
  for (auto array = arrays.begin(); array != arrays.end();) {
    const Chunk& chunk = *chunk_of(array->values);
    const std::byte* const from = address(*array);
    std::byte* const to = chunk.card.data() + (from - chunk.host.data());
    std::size_t bytes = 0;  // of neighbours, with what lies between them
    for (; array != arrays.end() && address(*array) == from + aligned(bytes) && holds(chunk.host, array->values);
         ++array) {
      array->values = to + aligned(bytes);
      bytes = aligned(bytes) + array->bytes;
    }
    copy(stream_->handle(), to, from, bytes);
    ++copies_;
  }
  Side& side = this->side();
  side.sent->record(stream_->handle());
  side.sent->wait_on(kernels);
}

void Inbox::turn() {
  if (!stream_) return;
  side().read->record(kernels_of(*card_));
  now_ = 1 - now_;
  Side& next = side();
  next.sent->synchronise();
  next.read->wait_on(stream_->handle());
  next.used = 0;
  if (next.chunks.size() > 1) {
    std::size_t bytes = 0;
    for (const Chunk& chunk : next.chunks) bytes += chunk.host.bytes();
    next.chunks.clear();
    grow(next, bytes);
  }
}

}  // namespace polonaise

#endif
