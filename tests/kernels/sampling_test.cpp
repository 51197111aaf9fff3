#include "kernels/sampling/sampling.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "kernels/base/require.h"
#include "tests/kernels/devices.h"

namespace polonaise::testing {
namespace {

using kernels::SamplingOptions;

constexpr kernels::RandomStream kStream{.seed = 2023, .step = 5, .op = 1};
constexpr Index kFirstRow = 3;
constexpr double kSlack = 1e-5;  // between float sums and the oracle's

constexpr SamplingOptions kOptions[] = {
    {},
    {.temperature = 0.5f},
    {.temperature = 2.0f, .top_k = 7},
    {.top_k = 1000},
    {.top_p = 0.9f},
    {.temperature = 0.8f, .top_k = 20, .top_p = 0.6f},
    {.top_p = 1e-6f},
};

// What remains of a row's measures after top-k and top-p, by sorting; 0 where dropped. `measures` are probabilities of
// tokens or of keys.
std::vector<double> kept_oracle(const float* logits, std::vector<double> measures, const std::vector<bool>& allowed,
                                const SamplingOptions& options) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < measures.size(); ++i)
    if (allowed[i]) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  if (options.top_k > 0) order.resize(std::min(order.size(), static_cast<std::size_t>(options.top_k)));
  double total = 0;
  for (std::size_t i : order) total += measures[i];
  std::vector<double> kept(measures.size());
  double sum = 0;
  for (std::size_t i : order) {
    if (options.top_p < 1 && sum >= options.top_p * total) break;
    kept[i] = measures[i];
    sum += measures[i];
  }
  return kept;
}

std::vector<bool> allowed_row(const Array<std::uint8_t, 2>& allowed, Index row, Index columns, bool masked) {
  std::vector<bool> result(static_cast<std::size_t>(columns), true);
  for (Index c = 0; c < columns && masked; ++c) result[static_cast<std::size_t>(c)] = allowed[row * columns + c] != 0;
  return result;
}

// About half are allowed, the first always.
Array<std::uint8_t, 2> random_mask(Index rows, Index columns) {
  Array<std::uint8_t, 2> allowed({rows, columns}, 1);
  for (Index r = 0; r < rows; ++r)
    for (Index c = 1; c < columns; ++c)
      allowed[r * columns + c] =
          kernels::uniform({9, 9, 9}, static_cast<std::uint32_t>(r), static_cast<std::uint32_t>(c)) < 0.5f;
  return allowed;
}

float number(Index row, Index position) {
  return kernels::uniform(kStream, static_cast<std::uint32_t>(kFirstRow + row), static_cast<std::uint32_t>(position));
}

// An emulated card takes fewer rows, and of fewer widths.
template <class Target>
constexpr bool kIsCpu = std::is_same_v<typename Target::Device, Cpu>;

template <class Target>
class SampleTokens : public DeviceTest<Target> {
 protected:
  // Every token of the row that is drawn in so many draws: a batch of the same row over and over.
  std::set<std::int32_t> drawn(const std::vector<float>& row, const SamplingOptions& options,
                               const std::vector<std::uint8_t>& allowed = {},
                               Index draws = kIsCpu<Target> ? 1000 : cases<Index>({60}, {24})[0]) {
    const Index V = static_cast<Index>(row.size());
    Array<float, 2> logits({draws, V});
    Array<std::uint8_t, 2> mask({draws, V});
    for (Index r = 0; r < draws; ++r) {
      std::copy(row.begin(), row.end(), logits.view().row(r));
      std::copy(allowed.begin(), allowed.end(), mask.view().row(r));
    }
    const auto values = sample(logits, allowed.empty() ? nullptr : &mask, options, 0, 0);
    return {values.begin(), values.end()};
  }

  std::vector<std::int32_t> sample(const Array<float, 2>& logits, const Array<std::uint8_t, 2>* mask,
                                   const SamplingOptions& options, Index first_row, std::uint32_t position) {
    const auto x = this->place(logits);
    const auto allowed = this->place(mask ? *mask : Array<std::uint8_t, 2>({1, 1}));
    auto tokens = this->place(Array<std::int32_t, 1>({logits.view().rows()}, -7));
    kernels::sample_tokens(this->device(), {.logits = x.view(),
                                            .allowed = mask ? allowed.view() : View<const std::uint8_t, 2>{},
                                            .options = options,
                                            .stream = kStream,
                                            .first_row = first_row,
                                            .position = position,
                                            .tokens = tokens.view()});
    return fetch(tokens).values();
  }
};
TYPED_TEST_SUITE(SampleTokens, FloatTargets, TargetNames);

TYPED_TEST(SampleTokens, DrawsByInverseTransformOfWhatTheOptionsKeep) {
  constexpr bool is_cpu = kIsCpu<TypeParam>;
  const Index kRows = is_cpu ? 40 : cases<Index>({6}, {1})[0];
  for (Index V : is_cpu ? std::vector<Index>{1, 2, 5, 24, 64, 106, 388, 1000} : cases<Index>({5, 130, 600}, {130, 600}))
    for (const auto& options : kOptions)
      for (bool masked : {false, true}) {
        const auto host_logits = random_array<2>({kRows, V}, 1, 5.0f);
        const auto host_mask = random_mask(kRows, V);
        const auto logits = this->place(host_logits);
        const auto mask = this->place(host_mask);
        std::vector<std::vector<std::int32_t>> draws;
        for (auto& twin : this->twins()) {
          auto tokens = this->place(Array<std::int32_t, 1>({kRows}, -7));
          kernels::sample_tokens(twin, {.logits = logits.view(),
                                        .allowed = masked ? mask.view() : View<const std::uint8_t, 2>{},
                                        .options = options,
                                        .stream = kStream,
                                        .first_row = kFirstRow,
                                        .position = 77,
                                        .tokens = tokens.view()});
          draws.push_back(fetch(tokens).values());
          ASSERT_EQ(draws.back(), draws[0]);
        }
        for (Index r = 0; r < kRows; ++r) {
          std::vector<double> measures;
          for (Index v = 0; v < V; ++v)
            measures.push_back(std::exp(static_cast<double>(host_logits[r * V + v]) / options.temperature));
          const auto kept =
              kept_oracle(host_logits.view().row(r), measures, allowed_row(host_mask, r, V, masked), options);
          const double total = std::accumulate(kept.begin(), kept.end(), 0.0);
          const std::int32_t token = draws[0][static_cast<std::size_t>(r)];
          ASSERT_GE(token, 0);
          ASSERT_LT(token, V);
          const double before = std::accumulate(kept.begin(), kept.begin() + token, 0.0) / total;
          const double share = kept[static_cast<std::size_t>(token)] / total;
          ASSERT_GT(share, 0) << "row " << r << " of " << V << " drew what was dropped";
          ASSERT_LE(before, number(r, 77) + kSlack);
          ASSERT_GE(before + share, number(r, 77) - kSlack);
        }
      }
}

TYPED_TEST(SampleTokens, DrawsWhatTheCpuDraws) {
  const Index kRows = cases<Index>({50}, {4})[0], V = 107;
  const auto logits = random_array<2>({kRows, V}, 11, 4.0f);
  Cpu cpu;
  for (const SamplingOptions& options : {SamplingOptions{}, SamplingOptions{.temperature = 0.8f, .top_k = 20}}) {
    Array<std::int32_t, 1> expected({kRows});
    kernels::sample_tokens(cpu, {.logits = logits.view(),
                                 .options = options,
                                 .stream = kStream,
                                 .first_row = kFirstRow,
                                 .position = 9,
                                 .tokens = expected.view()});
    EXPECT_EQ(this->sample(logits, nullptr, options, kFirstRow, 9), expected.values());
  }
}

TYPED_TEST(SampleTokens, TemperatureZeroTopOneAndTinyTopPTakeTheMostLikely) {
  std::vector<float> logits(9, -3.0f);
  logits[4] = logits[7] = 2.0f;  // equals: the lower wins
  for (const SamplingOptions& options :
       {SamplingOptions{.temperature = 0}, SamplingOptions{.top_k = 1}, SamplingOptions{.top_p = 1e-9f},
        SamplingOptions{.temperature = 1e-30f, .top_k = 1}})
    EXPECT_EQ(this->drawn(logits, options), (std::set<std::int32_t>{4}));
}

using Tokens = std::set<std::int32_t>;

TYPED_TEST(SampleTokens, TiesAtACutGoToTheLowerTokens) {
  EXPECT_EQ(this->drawn(std::vector<float>(12, 1.5f), {.top_k = 3}), (Tokens{0, 1, 2}));
  EXPECT_EQ(this->drawn(std::vector<float>(10, -2.0f), {.top_p = 0.35f}), (Tokens{0, 1, 2, 3}));
  EXPECT_EQ(this->drawn({0.0f, -0.0f, 1.0f, -0.0f}, {.top_k = 3}), (Tokens{0, 1, 2}));
  EXPECT_EQ(this->drawn(std::vector<float>(12, 1.5f), {.top_k = 4, .top_p = 0.6f}), (Tokens{0, 1, 2}));
  EXPECT_EQ(this->drawn(std::vector<float>(12, 1.5f), {.top_k = 4, .top_p = 0.9f}), (Tokens{0, 1, 2, 3}));
}

TYPED_TEST(SampleTokens, TopPKeepsTheTokenThatCrosses) {
  const std::vector<float> row{std::log(0.2f), std::log(0.5f), std::log(0.3f)};
  EXPECT_EQ(this->drawn(row, {.top_p = 0.45f}), (Tokens{1}));
  EXPECT_EQ(this->drawn(row, {.top_p = 0.55f}), (Tokens{1, 2}));
  EXPECT_EQ(this->drawn(row, {.top_p = 0.85f}), (Tokens{0, 1, 2}));
  EXPECT_EQ(this->drawn(row, {.top_k = 2, .top_p = 0.6f}), (Tokens{1}));  // 0.5 / 0.8 of what top-k kept
}

TYPED_TEST(SampleTokens, AMaskForbidsEvenTheMostLikely) {
  EXPECT_EQ(this->drawn({9, 1, 1, 9}, {}, {0, 1, 1, 0}), (Tokens{1, 2}));
  EXPECT_EQ(this->drawn({9, 1, 2, 9}, {.temperature = 0}, {0, 1, 1, 0}), (Tokens{2}));
  EXPECT_EQ(this->drawn({9, 1, 2, 3}, {.top_k = 2}, {0, 1, 1, 1}), (Tokens{2, 3}));
  const float minus_infinity = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(this->drawn({1, minus_infinity, 1}, {}), (Tokens{0, 2}));
}

TYPED_TEST(SampleTokens, LogitsThatAreNotNumbersStillGiveAnAllowedToken) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const auto& options : kOptions)
    for (const std::vector<float>& row : {std::vector<float>{nan, nan, nan},
                                          {-nan, -nan, -nan},
                                          {1, infinity, infinity},
                                          {1, nan, 2},
                                          {-infinity, -infinity, -infinity}})
      for (std::int32_t token : this->drawn(row, options, {0, 1, 1}, kIsCpu<TypeParam> ? 1000 : 2))
        EXPECT_TRUE(token == 1 || token == 2);
}

TYPED_TEST(SampleTokens, ARowDrawsTheSameAloneAsInABatch) {
  const Index kRows = kIsCpu<TypeParam> ? 37 : cases<Index>({5}, {2})[0], V = 50;
  const auto logits = random_array<2>({kRows, V}, 2, 3.0f);
  for (const auto& options : kOptions) {
    const auto batch = this->sample(logits, nullptr, options, kFirstRow, 4);
    for (Index r = 0; r < kRows; ++r) {
      Array<float, 2> row({1, V});
      std::copy_n(logits.view().row(r), V, row.view().row(0));
      EXPECT_EQ(this->sample(row, nullptr, options, kFirstRow + r, 4)[0], batch[static_cast<std::size_t>(r)]);
    }
  }
}

// The draws are the same on every device.
TEST(SampleTokensOnCpu, FrequenciesAreTheProbabilities) {
  constexpr Index V = 24, kRows = 200, kPositions = 100;
  Cpu cpu;
  const auto row = random_array<1>({V}, 3, 1.5f);
  Array<float, 2> logits({kRows, V});
  for (Index r = 0; r < kRows; ++r) std::copy_n(row.values().data(), V, logits.view().row(r));
  std::vector<double> counts(V);
  Array<std::int32_t, 1> tokens({kRows});
  for (std::uint32_t position = 0; position < kPositions; ++position) {
    kernels::sample_tokens(cpu, {.logits = logits.view(),
                                 .options = {.temperature = 1.5f},
                                 .stream = kStream,
                                 .position = position,
                                 .tokens = tokens.view()});
    for (std::int32_t token : tokens.values()) ++counts[static_cast<std::size_t>(token)];
  }
  double total = 0, chi_square = 0;
  for (float logit : row.values()) total += std::exp(logit / 1.5);
  for (Index v = 0; v < V; ++v) {
    const double expected = kRows * kPositions * std::exp(row[v] / 1.5) / total;
    chi_square += std::pow(counts[static_cast<std::size_t>(v)] - expected, 2) / expected;
  }
  EXPECT_LT(chi_square, 49.7);  // 23 degrees of freedom, one in a thousand
}

TYPED_TEST(SampleTokens, OptionsOutOfRangeAreRefused) {
  for (const SamplingOptions& options :
       {SamplingOptions{.temperature = -1}, SamplingOptions{.temperature = NAN}, SamplingOptions{.top_k = -1},
        SamplingOptions{.top_p = 0}, SamplingOptions{.top_p = 1.5f}})
    EXPECT_THROW(this->sample(Array<float, 2>({2, 3}), nullptr, options, 0, 0), ContractError);
}

TYPED_TEST(SampleTokens, ARowWithoutAnAllowedTokenDrawsNone) {
  Array<std::uint8_t, 2> mask({2, 3});
  mask[0] = 1;
  EXPECT_EQ(this->sample(Array<float, 2>({2, 3}), &mask, {}, 0, 0), (std::vector<std::int32_t>{0, -1}));
}

template <class Target>
class SampleKeys : public DeviceTest<Target> {
 protected:
  std::vector<std::uint8_t> sample(const Array<float, 2>& logits, const Array<std::uint8_t, 2>* mask,
                                   const SamplingOptions& options, Index first_row, std::uint32_t position) {
    const auto x = this->place(logits);
    const auto allowed = this->place(mask ? *mask : Array<std::uint8_t, 2>({1, 1}));
    auto keys = this->place(Array<std::uint8_t, 2>(logits.view().extents(), 7));
    kernels::sample_keys(this->device(), {.logits = x.view(),
                                          .allowed = mask ? allowed.view() : View<const std::uint8_t, 2>{},
                                          .options = options,
                                          .stream = kStream,
                                          .first_row = first_row,
                                          .position = position,
                                          .keys = keys.view()});
    return fetch(keys).values();
  }
};
TYPED_TEST_SUITE(SampleKeys, FloatTargets, TargetNames);

TYPED_TEST(SampleKeys, SoundsEachKeyByItsOwnNumberAmongWhatTheOptionsKeep) {
  constexpr bool is_cpu = kIsCpu<TypeParam>;
  constexpr std::uint32_t kPosition = 13;
  const Index kRows = is_cpu ? 40 : cases<Index>({4}, {1})[0];
  for (Index K : is_cpu ? std::vector<Index>{1, 5, 8, 88, 106, 107} : cases<Index>({5, 135, 600}, {135, 600}))
    for (const auto& options : kOptions)
      for (bool masked : {false, true}) {
        const auto host_logits = random_array<2>({kRows, K}, 4, 5.0f);
        const auto host_mask = random_mask(kRows, K);
        const auto logits = this->place(host_logits);
        const auto mask = this->place(host_mask);
        std::vector<std::vector<std::uint8_t>> draws;
        for (auto& twin : this->twins()) {
          auto keys = this->place(Array<std::uint8_t, 2>({kRows, K}, 7));
          kernels::sample_keys(twin, {.logits = logits.view(),
                                      .allowed = masked ? mask.view() : View<const std::uint8_t, 2>{},
                                      .options = options,
                                      .stream = kStream,
                                      .first_row = kFirstRow,
                                      .position = kPosition,
                                      .keys = keys.view()});
          draws.push_back(fetch(keys).values());
          ASSERT_EQ(draws.back(), draws[0]);
        }
        for (Index r = 0; r < kRows; ++r) {
          std::vector<double> measures;
          for (Index k = 0; k < K; ++k)
            measures.push_back(1 / (1 + std::exp(-static_cast<double>(host_logits[r * K + k]) / options.temperature)));
          const auto kept =
              kept_oracle(host_logits.view().row(r), measures, allowed_row(host_mask, r, K, masked), options);
          for (Index k = 0; k < K; ++k) {
            const double u = number(r, kPosition * K + k), p = kept[static_cast<std::size_t>(k)];
            if (std::abs(u - p) < kSlack) continue;
            ASSERT_EQ(draws[0][static_cast<std::size_t>(r * K + k)], u < p ? 1 : 0)
                << "key " << k << " of " << K << ", row " << r;
          }
        }
      }
}

TYPED_TEST(SampleKeys, TemperatureZeroSoundsThePositiveLogits) {
  Array<float, 2> row({1, 6});
  row.values() = {-1, 0, 1e-20f, 3, 2, -0.0f};
  const auto run = [&](const SamplingOptions& options) { return this->sample(row, nullptr, options, 0, 0); };
  EXPECT_EQ(run({.temperature = 0}), (std::vector<std::uint8_t>{0, 0, 1, 1, 1, 0}));
  EXPECT_EQ(run({.temperature = 0, .top_k = 2}), (std::vector<std::uint8_t>{0, 0, 0, 1, 1, 0}));
  EXPECT_EQ(run({.temperature = 0, .top_k = 5}), (std::vector<std::uint8_t>{0, 0, 1, 1, 1, 0}));
}

TYPED_TEST(SampleKeys, OfTooManyDrawnKeysTheLikeliestStay) {
  const Index kRows = kIsCpu<TypeParam> ? 40 : cases<Index>({4}, {1})[0];
  for (const Index K : cases<Index>({7, 106, 600}, {135}))
    for (const auto& options : {SamplingOptions{}, SamplingOptions{.temperature = 3, .top_k = 50}}) {
      auto logits = random_array<2>({kRows, K}, 6, 2.0f);
      for (float& logit : logits.values()) logit = std::round(4 * logit) / 4;  // many are equal
      SamplingOptions limited = options;
      limited.max_keys = 3;
      const auto drawn = this->sample(logits, nullptr, options, kFirstRow, 2);
      const auto kept = this->sample(logits, nullptr, limited, kFirstRow, 2);
      for (Index r = 0; r < kRows; ++r) {
        std::vector<Index> sounding;
        for (Index k = 0; k < K; ++k)
          if (drawn[static_cast<std::size_t>(r * K + k)]) sounding.push_back(k);
        std::stable_sort(sounding.begin(), sounding.end(),
                         [&](Index a, Index b) { return logits[r * K + a] > logits[r * K + b]; });
        if (sounding.size() > 3) sounding.resize(3);
        for (Index k = 0; k < K; ++k)
          ASSERT_EQ(kept[static_cast<std::size_t>(r * K + k)],
                    std::find(sounding.begin(), sounding.end(), k) != sounding.end() ? 1 : 0);
      }
    }
  EXPECT_EQ(this->sample(Array<float, 2>({1, 4}, -50), nullptr, {.max_keys = 2}, 0, 0),
            std::vector<std::uint8_t>(4, 0));
  EXPECT_THROW(this->sample(Array<float, 2>({1, 4}), nullptr, {.max_keys = -1}, 0, 0), ContractError);
}

TYPED_TEST(SampleKeys, AMaskMaySilenceAWholeRow) {
  const Array<float, 2> logits({1, 20}, 50.0f);
  const Array<std::uint8_t, 2> none({1, 20});
  for (const auto& options : kOptions)
    EXPECT_EQ(this->sample(logits, &none, options, 0, 0), std::vector<std::uint8_t>(20, 0));
}

TYPED_TEST(SampleKeys, ALogitThatIsNotANumberUndoesNoCut) {
  Array<float, 2> row({1, 5}, 9.0f);
  row[0] = std::numeric_limits<float>::quiet_NaN();
  const auto keys = this->sample(row, nullptr, {.top_k = 2, .top_p = 0.9f}, 0, 0);
  EXPECT_EQ(keys[1], 1);
  EXPECT_EQ(std::vector<std::uint8_t>(keys.begin() + 2, keys.end()), std::vector<std::uint8_t>(3, 0));
}

TYPED_TEST(SampleKeys, NoRowsAreNoWork) {
  EXPECT_NO_THROW(this->sample(Array<float, 2>({0, 3}), nullptr, {}, 0, 0));
}

TEST(SampleKeysOnCpu, FrequenciesAreTheProbabilities) {
  constexpr Index K = 106, kRows = 100, kPositions = 100;
  Cpu cpu;
  const auto row = random_array<1>({K}, 5, 3.0f);
  Array<float, 2> logits({kRows, K});
  for (Index r = 0; r < kRows; ++r) std::copy_n(row.values().data(), K, logits.view().row(r));
  std::vector<double> counts(K);
  Array<std::uint8_t, 2> keys({kRows, K});
  for (std::uint32_t position = 0; position < kPositions; ++position) {
    kernels::sample_keys(cpu, {.logits = logits.view(), .stream = kStream, .position = position, .keys = keys.view()});
    for (Index i = 0; i < keys.size(); ++i) counts[static_cast<std::size_t>(i % K)] += keys[i];
  }
  double chi_square = 0;
  for (Index k = 0; k < K; ++k) {
    const double p = 1 / (1 + std::exp(-static_cast<double>(row[k]))), n = kRows * kPositions;
    chi_square += std::pow(counts[static_cast<std::size_t>(k)] - n * p, 2) / (n * p * (1 - p));
  }
  EXPECT_LT(chi_square, 156.0);  // 106 degrees of freedom, one in a thousand
}

}  // namespace
}  // namespace polonaise::testing
