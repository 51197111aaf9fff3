#pragma once

#include <algorithm>
#include <memory>
#include <type_traits>

#include "kernels/base/devices.h"
#include "kernels/base/view.h"
#include "kernels/cpu/team.h"

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

// Runs body(begin, count) on blocks of `extent` numbers of [0, n), of which the last may be shorter.
template <class Body>
void parallel_blocks(const Cpu& cpu, Index n, Index extent, Body&& body) {
  parallel_for(cpu, ceil_div(n, extent), [&](Index block) {
    const Index begin = block * extent;
    body(begin, std::min(extent, n - begin));
  });
}

inline constexpr Index kTaskElements = 16384;  // elements that one task of an element-wise kernel takes

// Runs body(r) for each row of a matrix, in tasks of about kTaskElements.
template <class Body>
void parallel_rows(const Cpu& cpu, Index rows, Index columns, Body&& body) {
  const Index extent = std::max<Index>(1, kTaskElements / std::max<Index>(1, columns));
  parallel_blocks(cpu, rows, extent, [&](Index begin, Index count) {
    for (Index r = begin; r < begin + count; ++r) body(r);
  });
}

}  // namespace polonaise::kernels
