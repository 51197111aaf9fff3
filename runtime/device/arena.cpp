#include "runtime/device/arena.h"

#include <algorithm>

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
  if (current_ == chunks_.size()) add_chunk(std::max({bytes, kFirstChunk, capacity()}));
  std::byte* memory = chunks_[current_].data() + used_;
  used_ += bytes;
  std::size_t before = 0;
  for (std::size_t i = 0; i < current_; ++i) before += chunks_[i].bytes();
  high_water_ = std::max(high_water_, before + used_);
#ifndef NDEBUG
  constexpr unsigned char kOfNan = 0xff;  // all bits set is a NaN
  fill_with(*device_, memory, kOfNan, bytes);
#endif
  return memory;
}

void Arena::add_chunk(std::size_t bytes) {
  chunks_.emplace_back(*device_, bytes);
  ++generation_;
}

void Arena::rewind(Mark mark) {
  current_ = mark.chunk;
  used_ = mark.used;
}

void Arena::reset() {
#ifdef POLONAISE_HAS_CUDA
  if (inbox_) inbox_->turn();
#endif
  if (chunks_.size() > 1) {
    chunks_.clear();
    add_chunk(high_water_);
  }
  current_ = 0;
  used_ = 0;
}

std::byte* Arena::allocate_host(std::size_t bytes) {
#ifdef POLONAISE_HAS_CUDA
  if (inbox_) return inbox_->allocate(bytes);
#endif
  return allocate(bytes);
}

const void* Arena::upload(const void* values, std::size_t bytes) {
  UploadedArray array{values, bytes};
  if (bytes > 0) upload({&array, 1});
  return array.values;
}

void Arena::upload([[maybe_unused]] std::span<UploadedArray> arrays) {
#ifdef POLONAISE_HAS_CUDA
  if (inbox_ && !arrays.empty()) inbox_->send(arrays);
#endif
}

std::size_t Arena::capacity() const {
  std::size_t sum = 0;
  for (const Buffer& chunk : chunks_) sum += chunk.bytes();
  return sum;
}

}  // namespace polonaise
