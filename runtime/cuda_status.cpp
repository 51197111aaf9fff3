#include "runtime/cuda_status.h"

#ifdef POLONAISE_HAS_CUDA
#include "kernels/cuda/device.h"
#endif

namespace polonaise {

std::string cuda_status() {
#ifdef POLONAISE_HAS_CUDA
  const CudaCards found = find_cuda_cards();
  const std::string kernels = "this version has no CUDA kernels for training yet";
  return found.cards.empty() ? found.reason + ", and " + kernels
                             : describe(found.cards.front()) + " answers, but " + kernels;
#else
  return "this program was built without CUDA";
#endif
}

}  // namespace polonaise
