#pragma once

#include <memory>
#include <type_traits>

#include "kernels/cpu/team.h"
#include "kernels/device.h"
#include "kernels/view.h"

namespace polonaise::kernels {

// Runs body(i) for i in [0, count) on up to cpu.threads threads; with one thread it asks no team. The bodies must be
// independent of each other; whoever calls fixes the blocks by shape, never by cpu.threads. Bodies must not throw.
template <class Body>
void parallel_for(const Cpu& cpu, Index count, Body&& body) {
  if (cpu.threads <= 1 || count <= 1) {
    for (Index i = 0; i < count; ++i) body(i);
    return;
  }
  using Bodies = std::remove_reference_t<Body>;
  run_team(
      cpu.threads, count, [](void* bodies, Index i) { (*static_cast<Bodies*>(bodies))(i); },
      const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

}  // namespace polonaise::kernels
