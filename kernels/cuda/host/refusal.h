#pragma once

#include <string>
#include <vector>

#include "kernels/cuda/host/context.h"

// Why a card is not to be had: what is decided here is decided from numbers, without a card.
namespace polonaise {

// The driver's answers where no GPU was found. Versions are CUDA's numbers: 12040 is 12.4.
struct DriverAnswer {
  int driver = 0;  // the newest CUDA that the driver knows; 0 where there is no driver
  int needed = 0;  // the one that the program was built with
  bool too_old = false;
  std::string failure = {};  // what else the driver reports
};
CudaRefusal why_no_card(const DriverAnswer&);

// Why the card of that number is not taken, of those that there are (at least one); no reason where nothing speaks
// against it.
CudaRefusal why_not_card(const std::vector<CudaProperties>& cards, int ordinal);

}  // namespace polonaise
