#pragma once

#include <memory>
#include <type_traits>

#include "kernels/base/view.h"
#include "kernels/cuda/host/context.h"

namespace polonaise {

// How a kernel is launched, for .cu files: the only way in the project.

struct Extent3 {
  Index x = 1, y = 1, z = 1;
};

struct Launch {
  Extent3 grid = {};             // blocks
  Extent3 block = {};            // threads
  std::size_t shared_bytes = 0;  // dynamic shared memory of a block
  Index cluster = 1;             // blocks along x that share memory; more than 1 needs compute capability 9.0
  bool cooperative = false;      // all blocks are resident at once, so that they may wait for each other
  // May start before the stream's previous kernel has ended; the kernel itself waits (griddepcontrol.wait) before it
  // reads what that one wrote. Before compute capability 9.0 it starts after it.
  bool programmatic = false;
};

// launch() without its types. On a card `arguments` points to the kernel's parameters, in order; the emulator runs one
// thread at a time.
#ifdef POLONAISE_CUDA_EMULATED
struct EmulatedThread {
  virtual ~EmulatedThread() = default;
  virtual void run() const = 0;
};
void launch_emulated(const Cuda&, const char* name, const Launch&, std::shared_ptr<const EmulatedThread>);
Index resident_blocks_emulated(const Cuda&, const Launch&);
#else
void launch_untyped(const Cuda&, const char* name, const Launch&, const void* kernel, void** arguments);
Index resident_blocks_untyped(const Cuda&, const Launch&, const void* kernel);
#endif

// How many blocks of such a launch, whatever its grid, the card can have resident at once where nothing else runs: a
// cooperative launch may have no more. 0 where it has no room for one (or for one cluster).
template <class... Parameters>
Index resident_blocks(const Cuda& cuda, const Launch& shape, [[maybe_unused]] void (*kernel)(Parameters...)) {
#ifdef POLONAISE_CUDA_EMULATED
  return resident_blocks_emulated(cuda, shape);
#else
  return resident_blocks_untyped(cuda, shape, reinterpret_cast<const void*>(kernel));
#endif
}

// Launches `kernel` on the device's stream, each argument converted to the parameter's own type. An empty grid is no
// launch. `name` (the op's) is the NVTX range and stands in errors. Throws ContractError where a limit of the card is
// passed, std::runtime_error where the launch fails, or, with POLONAISE_SYNC=1, where the kernel does.
template <class... Parameters>
void launch(const Cuda& cuda, const char* name, const Launch& shape, void (*kernel)(Parameters...),
            std::type_identity_t<Parameters>... arguments) {
#ifdef POLONAISE_CUDA_EMULATED
  const auto call = [=] { kernel(arguments...); };
  struct Thread final : EmulatedThread {
    explicit Thread(decltype(call) c) : kernel_call(c) {}
    void run() const override { kernel_call(); }
    decltype(call) kernel_call;
  };
  launch_emulated(cuda, name, shape, std::make_shared<const Thread>(call));
#else
  void* pointers[] = {&arguments..., nullptr};
  launch_untyped(cuda, name, shape, reinterpret_cast<const void*>(kernel), pointers);
#endif
}

}  // namespace polonaise
