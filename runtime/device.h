#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "kernels/device.h"
#ifdef POLONAISE_HAS_CUDA
#include "kernels/cuda/device.h"
#endif

namespace polonaise {

enum class DType { f32, bf16 };

// The devices of this build: the alternatives of a variant, so that a kernel is chosen by overload and a backend that
// lacks one does not link.
#ifdef POLONAISE_HAS_CUDA
using AnyDevice = std::variant<Cpu, Cuda>;
#else
using AnyDevice = std::variant<Cpu>;
#endif

// `name` is auto, cpu, cuda or cuda:N; auto takes the first card where one answers, otherwise the CPU. `threads` is the
// CPU's, 0 for all its cores. Throws std::runtime_error, saying what to do, where the device is not to be had,
// std::invalid_argument for another name.
AnyDevice open_device(std::string_view name, int threads = 0);

// One line for the log: "cpu, 2 threads, AVX2", "cuda:0, NVIDIA H200 (...)".
std::string describe(const AnyDevice&);

// The device as a shard of the batch, or a decoder, works on it: one thread of the CPU; a card whole.
AnyDevice one_shard(const AnyDevice&);

// How many threads a device gives to shards of the batch: the CPU's, 1 for a card, which takes the batch whole.
int shard_threads(const AnyDevice&);

[[noreturn]] void unsupported_dtype(DType);

template <class T>
struct TypeTag {
  using type = T;
};

// Calls body(device, TypeTag<T>) for the pair at hand: the one place where a run-time device and dtype become types.
// Parameters and activations are float on every device as yet, though cards have kernels in bf16 too.
template <class Body>
decltype(auto) dispatch(AnyDevice& any, DType dtype, Body&& body) {
  return std::visit(
      [&](auto& device) -> decltype(auto) {
        if (dtype != DType::f32) unsupported_dtype(dtype);
        return body(device, TypeTag<float>());
      },
      any);
}

}  // namespace polonaise
