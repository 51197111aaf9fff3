#pragma once

#include <cstdint>

#include "kernels/base/devices.h"
#include "kernels/base/view.h"

namespace polonaise::kernels {

// The position of an event, counted from 0: a number, or the address of one (>= 0) in the device's memory, so that a
// replayed launch has another position.
struct Position {
  constexpr Position(Index position) : value(position) {}
  static constexpr Position found_at(const std::int32_t* place) {
    Position position(0);
    position.at = place;
    return position;
  }

  constexpr Index now() const { return at != nullptr ? *at : value; }

  Index value = 0;
  const std::int32_t* at = nullptr;
};

// Tables of position encodings. Learned positions are a parameter and need no kernel of their own: `embedding` adds the
// table to its rows. Rotary and relative positions act inside `attention`. Cpu: T = float; Cuda: float and bf16.

//   table[t, 2i]   = sin(t / 10000^(2i / D))
//   table[t, 2i+1] = cos(t / 10000^(2i / D))
// "Attention is all you need" (Vaswani et al. 2017), section 3.5. table [T,D], D even.
template <class T>
void sinusoidal_positions(Cpu&, View<T, 2> table);
template <class T>
void sinusoidal_positions(Cuda&, View<T, 2> table);

//   table[t, i] = cos((first + t) / 10000^(2i / D)),  table[t, D/2 + i] = sin of the same,  0 <= i < D/2
// The angles of rotary position embedding (RoFormer, Su et al. 2021), D the head dimension, even. Angles are computed
// in double, so that positions far past the trained length stay exact. table [T,D].
template <class T>
void rotary_angles(Cpu&, Position first, View<T, 2> table);
template <class T>
void rotary_angles(Cuda&, Position first, View<T, 2> table);

}  // namespace polonaise::kernels
