#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "runtime/device/inbox.h"
#include "runtime/device/memory.h"

namespace polonaise {

// A bump allocator for what lives one step: activations, gradients, scratch. It grows by chunks; reset() consolidates
// them into one of the high-water mark, so that from the second step on a step allocates nothing. In builds without
// NDEBUG memory handed out is filled with NaN.
class Arena {
 public:
  explicit Arena(AnyDevice& device) : device_(&device) {}

  // 64-byte aligned, contents undefined; valid until reset() or until a rewind past it.
  std::byte* allocate(std::size_t bytes);
  template <class T>
  T* allocate(std::size_t count) {
    return reinterpret_cast<T*>(allocate(count * sizeof(T)));
  }

  // A place in the arena: rewind() frees what was allocated after mark(), an op's scratch.
  struct Mark {
    std::size_t chunk = 0, used = 0;
  };
  Mark mark() const { return {current_, used_}; }
  void rewind(Mark mark);

  void reset();

  // Host memory of the same life, for what goes to the device: the arena's own where kernels read the host's memory,
  // otherwise pinned.
  std::byte* allocate_host(std::size_t bytes);
  template <class T>
  T* allocate_host(std::size_t count) {
    return reinterpret_cast<T*>(allocate_host(count * sizeof(T)));
  }
  // Returns the host's values where kernels launched from now on can read them: on a GPU, until the next reset but one;
  // where kernels read the host's memory, the values themselves, which must outlive the step.
  const void* upload(const void* values, std::size_t bytes);
  // Uploads several arrays, and makes their views those on the device. Arrays that allocate_host() gave one after
  // another, named in that order, go to a GPU in one copy.
  template <class... T>
  void upload_all(View<const T, 1>&... views) {
    std::array<UploadedArray, sizeof...(T)> arrays;
    std::size_t count = 0;
    const auto add = [&](const auto& view) {
      if (view.size() > 0) arrays[count++] = {view.data(), static_cast<std::size_t>(view.size()) * sizeof *view.data()};
    };
    (add(views), ...);
    upload(std::span(arrays).first(count));
    count = 0;
    const auto take = [&]<class U>(View<const U, 1>& view) {
      if (view.size() > 0) view = {static_cast<const U*>(arrays[count++].values), view.extents()};
    };
    (take(views), ...);
  }

  // The most bytes that were in use at once since the arena was made, without what was uploaded.
  std::size_t high_water() const { return high_water_; }
  // Number of times that it took memory from the device: while that is the same, a step like one before gets the same
  // addresses, and uploads those of the step before the last.
  std::size_t generation() const { return generation_ + (inbox_ ? inbox_->generation() : 0); }
  // Number of copies to a GPU that the uploads took.
  std::size_t copies() const { return inbox_ ? inbox_->copies() : 0; }
  // Bytes taken from the device.
  std::size_t capacity() const;

 private:
  void upload(std::span<UploadedArray> arrays);
  void add_chunk(std::size_t bytes);

  AnyDevice* device_;
  std::vector<Buffer> chunks_;
  std::size_t current_ = 0;  // chunk that is being filled
  std::size_t used_ = 0;     // bytes of it
  std::size_t high_water_ = 0, generation_ = 0;
  std::unique_ptr<Inbox> inbox_ = shares_host_memory(*device_) ? nullptr : std::make_unique<Inbox>(*device_);
};

}  // namespace polonaise
