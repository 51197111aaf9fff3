#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "bench/gpu/measure.h"
#include "kernels/recurrent/recurrent.h"

namespace polonaise::bench {

// A shape of the recurrent rows, which cuDNN's share where it has the cell.
struct RecurrentRow {
  kernels::RecurrentShape shape;
  bool ragged = false;  // row b has T - b (T - 1) / (B - 1) steps: all lengths from T to 1
  float dropout = 0;

  std::string name() const;  // "bilstm_h64_l2_b64_t100"
  std::vector<std::int32_t> lengths() const;
  Work work(std::size_t element, int passes) const;  // backward counts as two passes
};
std::vector<RecurrentRow> recurrent_rows();

}  // namespace polonaise::bench
