#pragma once

#include <cstddef>
#include <memory>

#include "runtime/device.h"

namespace polonaise {

// Memory of a device, owned. Aligned to 64 bytes, zero-filled.
class Buffer {
 public:
  Buffer() = default;
  Buffer(AnyDevice& device, std::size_t bytes);

  std::byte* data() const { return memory_.get(); }
  std::size_t bytes() const { return bytes_; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(memory_.get());
  }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t bytes_ = 0;
};

}  // namespace polonaise
