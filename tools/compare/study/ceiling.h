#pragma once

#include "runtime/device/device.h"

namespace polonaise::tools {

// FLOP/s of a large product of float matrices on the device: the most that a model could reach. Takes the best of
// several products within about half a second.
double product_ceiling(AnyDevice& device);

}  // namespace polonaise::tools
