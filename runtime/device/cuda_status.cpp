#include "runtime/device/cuda_status.h"

#ifdef POLONAISE_HAS_CUDA
#include "kernels/cuda/host/context.h"
#endif

namespace polonaise {

std::string cuda_status() {
#ifdef POLONAISE_HAS_CUDA
  const CudaCards found = find_cuda_cards();
  return found.cards.empty() ? found.reason : describe(found.cards.front());
#else
  return "this program was built without CUDA";
#endif
}

}  // namespace polonaise
