#include "kernels/cuda/host/refusal.h"

#include <utility>

namespace polonaise {
namespace {

constexpr int kOldestMajor = 8;  // compute capability 8.0, the first with matrix products in bf16

CudaRefusal unusable(std::string reason) {
  return {std::move(reason), true};
}

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

}  // namespace

CudaRefusal why_no_card(const DriverAnswer& answer) {
  if (answer.driver == 0) return {"there is no NVIDIA driver"};
  if (answer.too_old)
    return unusable("the NVIDIA driver knows CUDA " + version_text(answer.driver) + ", this program needs " +
                    version_text(answer.needed));
  if (answer.failure.empty()) return {"the NVIDIA driver finds no card"};
  return unusable("the NVIDIA driver reports: " + answer.failure);
}

CudaRefusal why_not_card(const std::vector<CudaProperties>& cards, int ordinal) {
  const int count = static_cast<int>(cards.size());
  if (ordinal < 0 || ordinal >= count)
    return {"there is no card " + std::to_string(ordinal) + ", the last is number " + std::to_string(count - 1)};
  const CudaProperties& card = cards[static_cast<std::size_t>(ordinal)];
  if (card.major >= kOldestMajor) return {};
  return unusable(describe(card) + " is too old, this program needs compute capability " +
                  std::to_string(kOldestMajor) + ".0");
}

}  // namespace polonaise
