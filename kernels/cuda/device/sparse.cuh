#pragma once

#include "kernels/base/sparse.h"
#include "kernels/simt/language.h"

namespace polonaise::kernels {

// The entries of row r, [begin, end). Offsets that descend, or leave what x has, are not followed.
struct Entries {
  Index begin, end;
  bool well_formed;

  __device__ Entries(const SparseRows& x, Index r) : begin(x.offsets.data()[r]), end(x.offsets.data()[r + 1]) {
    well_formed = 0 <= begin && begin <= end && end <= x.columns.size();
    if (!well_formed) begin = end = 0;
  }
};

__device__ inline float value_of(const SparseRows& x, Index entry) {
  return x.values.empty() ? 1.0f : x.values.data()[entry];
}

}  // namespace polonaise::kernels
