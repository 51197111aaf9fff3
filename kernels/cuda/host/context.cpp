#include "kernels/cuda/host/context.h"

#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "kernels/cuda/host/api.h"
#include "kernels/cuda/host/refusal.h"

namespace polonaise {
namespace {

bool asked_to_synchronise() {
  const char* value = std::getenv("POLONAISE_SYNC");
  return value != nullptr && std::string_view(value) == "1";
}

}  // namespace

std::string describe(const CudaProperties& card) {
  return card.name + " (compute capability " + std::to_string(card.major) + "." + std::to_string(card.minor) + ", " +
         std::to_string(card.multiprocessors) + " multiprocessors, " + std::to_string(card.memory >> 30) + " GiB)";
}

struct Cuda::State {
  explicit State(CudaProperties card) : properties(std::move(card)), synchronous(asked_to_synchronise()) {}

  CudaProperties properties;
  bool synchronous;
  CudaStream stream;
  CudaMemory scratch{kScratchBytes};
  mutable std::shared_ptr<CublasLt> cublaslt;
};

const CudaProperties& Cuda::properties() const {
  return state_->properties;
}
CUstream_st* Cuda::stream() const {
  return state_->stream.handle();
}
bool Cuda::synchronous() const {
  return state_->synchronous;
}
void* Cuda::scratch() const {
  return state_->scratch.data();
}
std::shared_ptr<CublasLt>& Cuda::opened_cublaslt() const {
  return state_->cublaslt;
}
void Cuda::make_current() const {
  polonaise::make_current(state_->properties.ordinal);
}

OpenedCuda open_cuda(int ordinal) {
  const CudaCards found = find_cuda_cards();
  if (found.cards.empty()) return {found, std::nullopt};
  if (const CudaRefusal refusal = why_not_card(found.cards, ordinal); !refusal.reason.empty())
    return {refusal, std::nullopt};
  try {
    make_current(ordinal);
    return {{}, Cuda(std::make_shared<const Cuda::State>(found.cards[static_cast<std::size_t>(ordinal)]))};
  } catch (const std::runtime_error& failure) {
    return {{failure.what(), true}, std::nullopt};
  }
}

}  // namespace polonaise
