#include "kernels/cuda/device.h"

#include <gtest/gtest.h>

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
