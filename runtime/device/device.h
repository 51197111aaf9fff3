#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "kernels/base/bf16.h"
#include "kernels/base/devices.h"
#ifdef POLONAISE_HAS_CUDA
#include "kernels/cuda/host/context.h"
#endif

namespace polonaise {

// The element type of a tensor. Parameters, their gradients, moments, norms and losses are f32; activations may be
// bf16.
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

// The device that `auto` stands for, and why a GPU that is present cannot be used (empty: no such GPU).
struct BestDevice {
  AnyDevice device;
  std::string passed_over;
};
BestDevice open_best_device(int threads = 0);

// Returns one line for the log: "cpu, 2 threads, AVX2", "cuda:0, NVIDIA H200 (...)".
std::string describe(const AnyDevice&);

// Returns the device for a shard of the batch or a decoder: one thread of the CPU, or the whole GPU.
AnyDevice one_shard(const AnyDevice&);

// Number of threads that a device gives to shards of the batch: the CPU's, or 1 for a GPU, which takes the whole batch.
int shard_threads(const AnyDevice&);

// Sets how a device computes, by name: float; tf32, where a GPU's tensor cores multiply float matrices; bf16, where
// activations are also bf16. Returns the activations' type. Throws
// std::runtime_error where the device cannot, std::invalid_argument for another name.
DType set_precision(AnyDevice&, std::string_view name);

template <class Device, class T>
inline constexpr bool supports = std::is_same_v<T, float> || !std::is_same_v<Device, Cpu>;

[[noreturn]] void refuse_precision(std::string_view name);

template <class T>
struct TypeTag {
  using type = T;
};

// Calls body(device, TypeTag<T>) for the pair at hand: the one place where a run-time device and dtype become types.
// Throws std::runtime_error for a pair that is not supported.
template <class Body>
decltype(auto) dispatch(AnyDevice& any, DType dtype, Body&& body) {
  return std::visit(
      [&](auto& device) -> decltype(auto) {
        if (dtype == DType::f32) return body(device, TypeTag<float>());
        if constexpr (supports<std::remove_reference_t<decltype(device)>, bf16>)
          return body(device, TypeTag<bf16>());
        else
          refuse_precision("bf16");
      },
      any);
}

}  // namespace polonaise
