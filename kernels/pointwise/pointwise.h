#pragma once

#include "kernels/base/devices.h"
#include "kernels/base/random.h"
#include "kernels/base/view.h"

namespace polonaise::kernels {

// Element-wise kernels for what no larger kernel includes. Cpu: T = float; Cuda: float and bf16, computed in float and
// rounded once.

// y (+)= x, rounded where bf16 takes floats. Any shapes of equal rows and columns; y may be x where not accumulating.
// Cpu: float; Cuda: T and To float and bf16 in all pairs.
template <class T, class To = T>
void copy(Cpu&, View<const T, 2> x, View<To, 2> y, Accumulate);
template <class T, class To = T>
void copy(Cuda&, View<const T, 2> x, View<To, 2> y, Accumulate);

// y[c,r] (+)= x[r,c]. x and y must not overlap.
template <class T>
void transpose(Cpu&, View<const T, 2> x, View<T, 2> y, Accumulate);
template <class T>
void transpose(Cuda&, View<const T, 2> x, View<T, 2> y, Accumulate);

// Dropout (Srivastava et al. 2014), inverted: y (+)= x / (1 - p) where a uniform number >= p, else 0.
// Element (i, r, d) uses position i*D + d of row first_row + r of `stream`, so a time-major [T,B,D] and a batch-major
// [B,T,D] (seen as [1,B,T*D]) drop the same elements, and so does any shard of the batch. The mask is never stored:
// backward is the same call on the gradient.
template <class T>
struct Dropout {
  View<const T, 3> x;  // [P,R,D]
  View<T, 3> y;        // [P,R,D], may be x
  float p = 0;         // 0 <= p < 1
  RandomStream stream;
  Index first_row = 0;  // row of the whole batch that row 0 of this shard is
  Accumulate accumulate = Accumulate::no;

  void check() const;
};
template <class T>
void dropout(Cpu&, const Dropout<T>&);
template <class T>
void dropout(Cuda&, const Dropout<T>&);

}  // namespace polonaise::kernels
