#include "runtime/cuda_status.h"

#ifdef POLONAISE_HAS_CUDA
#include "kernels/cuda/device.h"
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

std::string unusable_card() {
  // The emulator's card is never taken unasked.
#if defined(POLONAISE_HAS_CUDA) && !defined(POLONAISE_CUDA_EMULATED)
  return unusable_card(open_cuda().reason);
#else
  return "";
#endif
}

std::string unusable_card(const std::string& reason) {
  const bool none = reason == "there is no NVIDIA driver" || reason == "the NVIDIA driver finds no card";
  return none ? "" : reason;
}

}  // namespace polonaise
