#include "tests/kernels/cuda/vocabulary.h"

#include <bit>

#include "tests/kernels/devices.h"

namespace polonaise::testing {
namespace {

class Vocabulary : public DeviceTest<OnCuda> {
 protected:
  template <class T>
  auto place_values(std::vector<T> values) {
    Array<T, 1> array({static_cast<Index>(values.size())});
    array.values() = std::move(values);
    return place(array);
  }
};

TEST_F(Vocabulary, ShufflesAndVotesReadTheLanesThatTheyName) {
  const auto x = random_array<1>({32}, 1);
  auto results = place(Array<float, 2>({32, kShuffles}));
  shuffle_lanes(device(), place(x).view().data(), results.view().data());
  const auto actual = fetch(results);
  float positive = 0;
  for (float value : x.values()) positive += value > 0 ? 1.0f : 0.0f;
  for (Index lane = 0; lane < 32; ++lane) {
    const Index segment = lane / 8 * 8;
    const float expected[kShuffles] = {x[5],
                                       x[lane < 3 ? lane : lane - 3],
                                       x[lane > 28 ? lane : lane + 3],
                                       x[lane ^ 6],
                                       x[segment + 5],
                                       x[lane - segment < 3 ? lane : lane - 3],
                                       x[lane - segment > 4 ? lane : lane + 3],
                                       positive,
                                       lane < 16 ? 2.0f : 1.0f};
    for (int i = 0; i < kShuffles; ++i) EXPECT_EQ(actual[lane * kShuffles + i], expected[i]) << lane << ", " << i;
  }
}

TEST_F(Vocabulary, ASharedWordIsReadAfterTheWarpHasMet) {
  const auto x = random_array<1>({32}, 1);
  auto y = place(Array<float, 1>({32}));
  reverse_through_shared(device(), place(x).view().data(), y.view().data());
  const auto actual = fetch(y);
  for (Index lane = 0; lane < 32; ++lane) EXPECT_EQ(actual[lane], x[31 - lane]);
}

TEST_F(Vocabulary, ReductionsGiveEveryThreadTheSameBits) {
  const auto x = random_array<1>({128}, 2);
  auto results = place(Array<float, 2>({128, 4}));
  reduce_threads(device(), place(x).view().data(), results.view().data());
  const auto actual = fetch(results);
  double total = 0;
  for (float value : x.values()) total += static_cast<double>(value);
  for (Index i = 0; i < 128; ++i) {
    const Index warp = i / 32 * 32;
    double sum = 0;
    for (Index lane = warp; lane < warp + 32; ++lane) sum += static_cast<double>(x[lane]);
    EXPECT_NEAR(actual[4 * i], sum, 1e-5);
    EXPECT_EQ(actual[4 * i], actual[4 * warp]);
    EXPECT_EQ(actual[4 * i + 1], *std::max_element(&x[warp], &x[warp] + 32));
    EXPECT_NEAR(actual[4 * i + 2], total, 1e-5);
    EXPECT_EQ(actual[4 * i + 2], actual[2]);
    EXPECT_EQ(actual[4 * i + 3], *std::max_element(x.values().begin(), x.values().end()));
  }
}

std::vector<double> product(const std::vector<double>& a, const std::vector<double>& b, std::size_t K) {
  std::vector<double> d(16 * 8);
  for (std::size_t m = 0; m < 16; ++m)
    for (std::size_t n = 0; n < 8; ++n)
      for (std::size_t k = 0; k < K; ++k) d[m * 8 + n] += a[m * K + k] * b[k * 8 + n];
  return d;
}

TEST_F(Vocabulary, TensorCoresMultiplyFragmentsThatLdmatrixFills) {
  const auto a = random_array<bf16, 2>({16, 16}, 3), b = random_array<bf16, 2>({16, 8}, 4);
  Array<bf16, 2> b_transposed({8, 16});
  for (Index k = 0; k < 16; ++k)
    for (Index n = 0; n < 8; ++n) b_transposed[n * 16 + k] = b[k * 8 + n];
  const auto expected = product(to_double(a.values()), to_double(b.values()), 16);
  const auto card_a = place(a), card_b = place(b), card_b_transposed = place(b_transposed);
  for (bool transposed : {false, true}) {
    auto d = place(Array<float, 2>({16, 8}));
    multiply_bf16(device(), card_a.view().data(), (transposed ? card_b_transposed : card_b).view().data(), transposed,
                  d.view().data());
    EXPECT_LT(relative_error(fetch(d).values(), expected), 1e-6) << transposed;
  }
}

TEST_F(Vocabulary, TensorCoresMultiplyTf32) {
  const auto a = random_array<2>({16, 8}, 5), b = random_array<2>({8, 8}, 6);
  const auto card_a = place(a), card_b = place(b);
  auto d = place(Array<float, 2>({16, 8}));
  multiply_tf32(device(), card_a.view().data(), card_b.view().data(), d.view().data());
  const double error = relative_error(fetch(d).values(), product(to_double(a.values()), to_double(b.values()), 8));
  EXPECT_LT(error, 1e-3);
  EXPECT_GT(error, 1e-6) << "tf32 has 10 bits of fraction";
}

TEST_F(Vocabulary, AsynchronousCopiesFillTheRestWithZeros) {
  for (Index n : {0, 1, 127, 128, 130, 512}) {
    const auto x = random_array<1>({std::max<Index>(n, 1)}, 7);
    const auto card_x = place(x);
    auto y = place(Array<float, 1>({512}, 9.0f));
    copy_through_shared(device(), card_x.view().data(), n, 512, y.view().data());
    const auto actual = fetch(y);
    for (Index i = 0; i < 512; ++i) ASSERT_EQ(actual[i], i < n ? x[i] : 0.0f) << n << ", " << i;
  }
}

TEST_F(Vocabulary, TheWholeGridMeetsAgainAndAgain) {
  constexpr Index kBlocks = 8;
  constexpr int kRounds = 3;
  auto barrier = place(Array<unsigned, 1>({1}, 0)), numbers = place(Array<unsigned, 1>({kBlocks}, 0));
  auto sums = place(Array<unsigned, 2>({kBlocks, kRounds}));
  for (unsigned launch = 0; launch < 2; ++launch) {  // the barrier's word serves on
    sum_over_grid(device(), kBlocks, kRounds, barrier.view().data(), numbers.view().data(), sums.view().data());
    const auto actual = fetch(sums);
    for (unsigned i = 0; i < kBlocks * kRounds; ++i)
      EXPECT_EQ(actual[i], kBlocks * (launch * kRounds + i % kRounds + 1));
  }
}

TEST_F(Vocabulary, AReleasedFlagShowsWhatWasWrittenBefore) {
  auto flag = place(Array<unsigned, 1>({1}, 0)), number = place(Array<unsigned, 1>({1}, 0)),
       result = place(Array<unsigned, 1>({1}, 0));
  pass_a_flag(device(), flag.view().data(), number.view().data(), result.view().data());
  EXPECT_EQ(fetch(result)[0], 42u);
}

TEST_F(Vocabulary, BlocksOfAClusterReachEachOthersSharedMemory) {
  if (device().properties().major < 9) GTEST_SKIP() << "clusters need compute capability 9.0";
  constexpr Index kBlocks = 4;
  auto received = place(Array<unsigned, 1>({kBlocks}));
  pass_around_cluster(device(), kBlocks, received.view().data());
  EXPECT_EQ(fetch(received).values(), (std::vector<unsigned>{3, 0, 1, 2}));
}

TEST_F(Vocabulary, TheLastBlockSeesWhatOthersFenced) {
  constexpr Index kBlocks = 20;
  auto arrived = place(Array<unsigned, 1>({1}, 0)), numbers = place(Array<unsigned, 1>({kBlocks})),
       sum = place(Array<unsigned, 1>({1}));
  last_block_sums(device(), kBlocks, arrived.view().data(), numbers.view().data(), sum.view().data());
  EXPECT_EQ(fetch(sum)[0], kBlocks * (kBlocks + 1) / 2);
}

TEST_F(Vocabulary, Bf16RoundsOnTheCardAsOnTheHost) {
  std::vector<float> numbers;
  for (std::uint32_t upper : {0x0000u, 0x0001u, 0x007Fu, 0x3F80u, 0x3F81u, 0x7F7Fu, 0x7F80u, 0x8000u, 0xC2F7u, 0xFF80u})
    for (std::uint32_t lower : {0x0000u, 0x0001u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu})
      if (const auto number = std::bit_cast<float>(upper << 16 | lower); !std::isnan(number)) numbers.push_back(number);
  const auto x = place_values(numbers);
  auto bits = place(Array<std::uint16_t, 1>({x.view().size()}));
  round_to_bf16(device(), x.view().size(), x.view().data(), bits.view().data());
  const auto actual = fetch(bits);
  for (Index i = 0; i < actual.size(); ++i)
    EXPECT_EQ(actual[i], bf16(numbers[static_cast<std::size_t>(i)]).bits) << numbers[static_cast<std::size_t>(i)];
}

TEST_F(Vocabulary, WideAccessesTakeNeighbours) {
  const auto x = place_values<float>({1, 2, 3, 4, 5, 6, 7, 8});
  auto y = place(Array<float, 1>({8}));
  reverse_rows_of_four(device(), 8, x.view().data(), y.view().data());
  EXPECT_EQ(fetch(y).values(), (std::vector<float>{4, 3, 2, 1, 8, 7, 6, 5}));
}

}  // namespace
}  // namespace polonaise::testing
