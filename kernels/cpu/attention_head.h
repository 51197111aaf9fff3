#pragma once

#include "kernels/view.h"

namespace polonaise::kernels {

// One head of one row of the batch: the unit of work of the CPU's attention. All views are [T,D] blocks of the
// caller's.
struct AttentionHead {
  View<const float, 2> q, k, v;
  View<const float, 2> rotary;    // or empty
  View<const float, 2> relative;  // or empty; rows of one head, at least T
};

struct AttentionHeadGradient {
  View<float, 2> q, k, v;
  Accumulate accumulate = Accumulate::no;
  View<float, 2> relative;  // added to; or empty
};

}  // namespace polonaise::kernels
