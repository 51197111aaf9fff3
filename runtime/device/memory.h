#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "kernels/base/require.h"
#include "kernels/base/view.h"
#include "runtime/device/device.h"

namespace polonaise {

class CudaEvent;

// The kind of memory: that which the device's kernels read, or `pinned`, memory of the host that a GPU copies from by
// itself. On the CPU they are the same.
enum class Memory { device, pinned };

// Memory that its object owns, aligned to 64 bytes, zero-filled. Throws std::runtime_error where there is not enough.
class Buffer {
 public:
  Buffer() = default;
  Buffer(AnyDevice& device, std::size_t bytes, Memory = Memory::device);

  std::byte* data() const { return memory_.get(); }
  std::size_t bytes() const { return bytes_; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(memory_.get());
  }

 private:
  std::unique_ptr<std::byte, std::function<void(std::byte*)>> memory_;
  std::size_t bytes_ = 0;
};

// Whether kernels of the device read the host's memory as it is.
bool shares_host_memory(const AnyDevice&);

// Queued behind the kernels launched before.
void fill_with(const AnyDevice&, void* memory, unsigned char byte, std::size_t bytes);
template <class T>
void fill_with_zeros(const AnyDevice& device, View<T, 1> values) {
  fill_with(device, values.data(), 0, static_cast<std::size_t>(values.size()) * sizeof(T));
}

// Copies after the kernels launched before; both wait until the copy is made.
void copy_to_device(const AnyDevice&, void* device, const void* host, std::size_t bytes);
void copy_to_host(const AnyDevice&, void* host, const void* device, std::size_t bytes);

// A device's values where the host can read them: the values themselves on the CPU, a copy of a GPU's.
template <class T, int N>
class OnHost {
 public:
  OnHost(const AnyDevice& device, View<const T, N> values) : view_(values) {
    if (shares_host_memory(device) || values.empty()) return;
    require(values.contiguous(), "what is copied to the host must be contiguous");
    copy_.resize(static_cast<std::size_t>(values.size()));
    copy_to_host(device, copy_.data(), values.data(), copy_.size() * sizeof(T));
    view_ = {copy_.data(), values.extents()};
  }
  OnHost(const OnHost&) = delete;
  OnHost& operator=(const OnHost&) = delete;

  View<const T, N> view() const { return view_; }
  const T& operator[](Index i) const { return view_.data()[i]; }

 private:
  View<const T, N> view_;
  std::vector<T> copy_;
};

// Copies between the host and a GPU that the host does not wait for, until it wants to use its memory again.
class QueuedCopies {
 public:
  explicit QueuedCopies(AnyDevice& device) : device_(&device) {}

  // Queued between the kernels launched before and later. The host's side is left alone until wait().
  void queue(void* to, const void* from, std::size_t bytes);
  void wait();

 private:
  AnyDevice* device_;
  std::shared_ptr<CudaEvent> last_;
};

}  // namespace polonaise
