#include "kernels/optimizer.h"

#include <memory>

#include "kernels/cuda/device.h"
#include "kernels/cuda/memory.h"
#include "tests/kernels/support.h"

namespace polonaise::testing {
namespace {

// Below, at and across the edges of blocks, and more elements than all threads of a card.
const std::vector<Index> kSizes = cases<Index>({1, 255, 256, 257, 40001, 3'000'001}, {257, 1500});

// A vector on the card.
class CardVector {
 public:
  CardVector(const Cuda& cuda, const std::vector<float>& values)
      : cuda_(cuda), size_(static_cast<Index>(values.size())), memory_(values.size() * sizeof(float)) {
    copy_to_device(cuda_, memory_.data(), values.data(), values.size() * sizeof(float));
  }
  View<float, 1> view() { return {static_cast<float*>(memory_.data()), {size_}}; }
  std::vector<float> values() const {
    std::vector<float> host(static_cast<std::size_t>(size_));
    copy_to_host(cuda_, host.data(), memory_.data(), host.size() * sizeof(float));
    return host;
  }

 private:
  Cuda cuda_;
  Index size_;
  CudaMemory memory_;
};

class CudaOptimizer : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!opened_.cuda) GTEST_SKIP() << opened_.reason;
  }
  Cuda& cuda() { return *opened_.cuda; }
  CardVector on_card(const Array<float, 1>& array) { return {cuda(), array.values()}; }

 private:
  OpenedCuda opened_ = open_cuda();
};

// The CPU's kernels are held to the double oracle by tests/kernels/optimizer_test.cpp.
TEST_F(CudaOptimizer, AdamWFollowsTheCpu) {
  const kernels::AdamW options{.learning_rate = 1e-2f, .weight_decay = 0.1f};
  Cpu cpu;
  for (Index n : kSizes) {
    auto p = random_array<1>({n}, 1);
    Array<float, 1> m({n}), v({n});
    CardVector card_p = on_card(p), card_m = on_card(m), card_v = on_card(v);
    for (long step = 1; step <= 5; ++step) {
      const auto g = random_array<1>({n}, static_cast<std::uint64_t>(10 + step));
      kernels::adamw_step(cpu, options, step, 0.5f, p.view(), g.view(), m.view(), v.view());
      CardVector card_g = on_card(g);
      kernels::adamw_step(cuda(), options, step, 0.5f, card_p.view(), card_g.view(), card_m.view(), card_v.view());
    }
    EXPECT_LT(relative_error(card_p.values(), to_double(p.values())), kFloatTolerance) << n;
    EXPECT_LT(relative_error(card_m.values(), to_double(m.values())), kFloatTolerance) << n;
    EXPECT_LT(relative_error(card_v.values(), to_double(v.values())), kFloatTolerance) << n;
  }
}

TEST_F(CudaOptimizer, SquaredNormIsExactInDoubleAndRepeats) {
  for (Index n : kSizes) {
    const auto x = random_array<1>({n}, 3);
    double expected = 0;
    for (float value : x.values()) expected += static_cast<double>(value) * value;
    CardVector card = on_card(x);
    const double first = kernels::squared_norm(cuda(), card.view());
    EXPECT_NEAR(first, expected, 1e-11 * expected);
    EXPECT_EQ(kernels::squared_norm(cuda(), card.view()), first);
  }
}

TEST_F(CudaOptimizer, SumOfSlabsIsTheCpusToTheBit) {
  Cpu cpu;
  for (std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{3}, std::size_t{35}}) {
    const Index n = kSizes.end()[-2];
    std::vector<Array<float, 1>> arrays;
    std::vector<std::unique_ptr<CardVector>> cards;
    std::vector<View<const float, 1>> host, device;
    for (std::size_t i = 0; i < count; ++i) arrays.push_back(random_array<1>({n}, 20 + i));
    for (auto& array : arrays) {
      host.push_back(array.view());
      cards.push_back(std::make_unique<CardVector>(cuda(), array.values()));
      device.push_back(cards.back()->view());
    }
    for (Accumulate accumulate : {Accumulate::no, Accumulate::yes}) {
      Array<float, 1> sum({n}, 9.0f);
      CardVector card_sum = on_card(sum);
      kernels::sum_slabs(cpu, host, sum.view(), accumulate);
      kernels::sum_slabs(cuda(), device, card_sum.view(), accumulate);
      EXPECT_EQ(card_sum.values(), sum.values()) << count;
    }
  }
}

TEST_F(CudaOptimizer, EmptySlabsAreNoLaunch) {
  EXPECT_EQ(kernels::squared_norm(cuda(), {}), 0.0);
  EXPECT_NO_THROW(kernels::adamw_step(cuda(), {}, 1, 1.0f, {}, {}, {}, {}));
}

}  // namespace
}  // namespace polonaise::testing
