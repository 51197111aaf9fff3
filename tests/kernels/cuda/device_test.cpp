#include "kernels/cuda/host/context.h"

#include <gtest/gtest.h>

#include "kernels/cuda/host/refusal.h"

namespace polonaise::testing {
namespace {

TEST(CudaDevice, CardsAreFoundOrAReasonIsGiven) {
  const CudaCards found = find_cuda_cards();
  EXPECT_EQ(found.cards.empty(), !found.reason.empty()) << found.reason;
  for (const CudaProperties& card : found.cards) {
    EXPECT_FALSE(card.name.empty());
    EXPECT_GT(card.multiprocessors, 0) << describe(card);
    EXPECT_GE(card.shared_memory_per_multiprocessor, card.shared_memory_per_block) << describe(card);
    EXPECT_GT(card.memory, 0u) << describe(card);
  }
}

TEST(CudaDevice, ACardThatIsNotThereIsAReasonAndNoException) {
  for (int ordinal : {-1, 4096}) {
    const OpenedCuda opened = open_cuda(ordinal);
    EXPECT_FALSE(opened.cuda.has_value());
    EXPECT_FALSE(opened.reason.empty());
  }
}

// A refusal as one sentence: what is there, and cannot be used, is marked.
std::string text(const CudaRefusal& refusal) {
  return (refusal.unusable ? "unusable: " : "") + refusal.reason;
}

TEST(CudaDevice, ADriverWithoutACardIsToldByWhatItLacks) {
  EXPECT_EQ(text(why_no_card({.driver = 0, .needed = 12040, .failure = "unknown error"})), "there is no NVIDIA driver");
  EXPECT_EQ(text(why_no_card({.driver = 11080, .needed = 12040, .too_old = true})),
            "unusable: the NVIDIA driver knows CUDA 11.8, this program needs 12.4");
  EXPECT_EQ(text(why_no_card({.driver = 12040, .needed = 12040})), "the NVIDIA driver finds no card");
  EXPECT_EQ(text(why_no_card({.driver = 12040, .needed = 12040, .failure = "system not yet initialized"})),
            "unusable: the NVIDIA driver reports: system not yet initialized");
}

TEST(CudaDevice, ACardThatIsAbsentOrTooOldIsNotTaken) {
  const CudaProperties turing{
      .name = "Tesla T4", .major = 7, .minor = 5, .multiprocessors = 40, .memory = std::size_t{15} << 30};
  const std::vector<CudaProperties> cards{{.name = "NVIDIA A100", .major = 8}, turing};
  EXPECT_EQ(text(why_not_card(cards, 0)), "");
  EXPECT_EQ(text(why_not_card(cards, 1)),
            "unusable: Tesla T4 (compute capability 7.5, 40 multiprocessors, 15 GiB) is too old, this program needs "
            "compute capability 8.0");
  EXPECT_EQ(text(why_not_card(cards, 7)), "there is no card 7, the last is number 1");
  EXPECT_EQ(text(why_not_card(cards, -1)), "there is no card -1, the last is number 1");
}

TEST(CudaDevice, AnOpenCardIsTheOneAskedForAndItsCopiesShareTheStream) {
  const OpenedCuda opened = open_cuda();
  if (!opened.cuda) GTEST_SKIP() << opened.reason;
  const Cuda copy = *opened.cuda;
  EXPECT_EQ(copy.properties().ordinal, 0);
  EXPECT_NE(copy.stream(), nullptr);
  EXPECT_EQ(copy.stream(), opened.cuda->stream());
}

TEST(CudaDevice, DescriptionNamesTheCardAndItsCapability) {
  const CudaProperties card{
      .name = "NVIDIA H200", .major = 9, .minor = 0, .multiprocessors = 132, .memory = std::size_t{140} << 30};
  EXPECT_EQ(describe(card), "NVIDIA H200 (compute capability 9.0, 132 multiprocessors, 140 GiB)");
}

}  // namespace
}  // namespace polonaise::testing
