#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "kernels/device.h"

namespace polonaise {

enum class DType { f32, bf16 };

// The devices of this build: the alternatives of a variant, so that a kernel is chosen by overload and a backend that
// lacks one does not link. Cuda joins when it has every kernel.
using AnyDevice = std::variant<Cpu>;

// `name` is auto, cpu or cuda; auto takes the CPU as long as that is the only alternative. `threads` is the CPU's, 0
// for all its cores. Throws std::runtime_error, saying what to do, where the device is not to be had.
AnyDevice open_device(std::string_view name, int threads = 0);

// One line for the log: "cpu, 2 threads, AVX2".
std::string describe(const AnyDevice&);

// The device as a shard of the batch, or a decoder, works on it: one thread of the CPU; a card whole.
AnyDevice one_shard(const AnyDevice&);

// How many threads a device gives to shards of the batch: the CPU's, 1 for a card, which takes the batch whole.
int shard_threads(const AnyDevice&);

// Which number types a device has kernels for.
template <class Device, class T>
inline constexpr bool supports = std::is_same_v<Device, Cpu>&& std::is_same_v<T, float>;

[[noreturn]] void unsupported_dtype(DType);

template <class T>
struct TypeTag {
  using type = T;
};

// Calls body(device, TypeTag<T>) for the pair at hand: the one place where a run-time device and dtype become types.
template <class Body>
decltype(auto) dispatch(AnyDevice& any, DType dtype, Body&& body) {
  return std::visit(
      [&](auto& device) -> decltype(auto) {
        using Device = std::remove_cvref_t<decltype(device)>;
        if (dtype != DType::f32) unsupported_dtype(dtype);
        static_assert(supports<Device, float>);
        return body(device, TypeTag<float>());
      },
      any);
}

}  // namespace polonaise
