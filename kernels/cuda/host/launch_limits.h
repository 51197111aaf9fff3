#pragma once

#include "kernels/cuda/host/launch.h"

namespace polonaise {

// Throws ContractError where `shape` passes a limit of the card's.
void require_limits(const CudaProperties& card, const Launch& shape);

bool is_empty(const Extent3& grid);

}  // namespace polonaise
