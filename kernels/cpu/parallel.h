#pragma once

#include "kernels/device.h"
#include "kernels/view.h"

namespace polonaise::kernels {

// Runs body(i) for i in [0, count) on up to cpu.threads threads; with one thread it opens no team. The bodies must be
// independent of each other; whoever calls fixes the blocks by shape, never by cpu.threads. Bodies must not throw.
template <class Body>
void parallel_for(const Cpu& cpu, Index count, Body&& body) {
  if (cpu.threads <= 1 || count <= 1) {
    for (Index i = 0; i < count; ++i) body(i);
    return;
  }
  [[maybe_unused]] const int threads =
      cpu.threads < count ? cpu.threads : static_cast<int>(count);  // more would only spin
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (Index i = 0; i < count; ++i) body(i);
}

inline Index ceil_div(Index a, Index b) {
  return (a + b - 1) / b;
}

}  // namespace polonaise::kernels
