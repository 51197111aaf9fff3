#include "runtime/arena.h"

#include <algorithm>
#include <cstring>

namespace polonaise {

namespace {
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kFirstChunk = std::size_t{1} << 20;
}  // namespace

std::byte* Arena::allocate(std::size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  while (current_ < chunks_.size() && used_ + bytes > chunks_[current_].bytes()) {
    ++current_;
    used_ = 0;
  }
  if (current_ == chunks_.size()) chunks_.emplace_back(*device_, std::max({bytes, kFirstChunk, capacity()}));
  std::byte* memory = chunks_[current_].data() + used_;
  used_ += bytes;
  std::size_t before = 0;
  for (std::size_t i = 0; i < current_; ++i) before += chunks_[i].bytes();
  high_water_ = std::max(high_water_, before + used_);
#ifndef NDEBUG
  std::memset(memory, 0xff, bytes);  // all bits set is a NaN
#endif
  return memory;
}

void Arena::rewind(Mark mark) {
  current_ = mark.chunk;
  used_ = mark.used;
}

void Arena::reset() {
  if (chunks_.size() > 1) {
    chunks_.clear();
    chunks_.emplace_back(*device_, high_water_);
  }
  current_ = 0;
  used_ = 0;
}

std::size_t Arena::capacity() const {
  std::size_t sum = 0;
  for (const Buffer& chunk : chunks_) sum += chunk.bytes();
  return sum;
}

}  // namespace polonaise
