#include "kernels/sampling.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "kernels/require.h"
#include "tests/kernels/support.h"

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

TEST(SampleTokens, DrawsByInverseTransformOfWhatTheOptionsKeep) {
  for (Index V : {1, 2, 5, 24, 64, 106, 388, 1000})
    for (const auto& options : kOptions)
      for (bool masked : {false, true}) {
        constexpr Index kRows = 40;
        const auto logits = random_array<2>({kRows, V}, 1, 5.0f);
        const auto mask = random_mask(kRows, V);
        Array<std::int32_t, 1> first({kRows});
        for (int threads : kThreadCounts) {
          Cpu cpu{threads};
          Array<std::int32_t, 1> tokens({kRows}, -1);
          kernels::sample_tokens(cpu, logits.view(), masked ? mask.view() : View<const std::uint8_t, 2>{}, options,
                                 kStream, kFirstRow, 77, tokens.view());
          if (threads == 1) first = tokens;
          ASSERT_EQ(tokens.values(), first.values()) << threads << " threads";
        }
        for (Index r = 0; r < kRows; ++r) {
          std::vector<double> measures;
          for (Index v = 0; v < V; ++v)
            measures.push_back(std::exp(static_cast<double>(logits[r * V + v]) / options.temperature));
          const auto kept = kept_oracle(logits.view().row(r), measures, allowed_row(mask, r, V, masked), options);
          const double total = std::accumulate(kept.begin(), kept.end(), 0.0);
          ASSERT_GE(first[r], 0);
          ASSERT_LT(first[r], V);
          const double before = std::accumulate(kept.begin(), kept.begin() + first[r], 0.0) / total;
          const double share = kept[static_cast<std::size_t>(first[r])] / total;
          ASSERT_GT(share, 0) << "row " << r << " of " << V << " drew what was dropped";
          ASSERT_LE(before, number(r, 77) + kSlack);
          ASSERT_GE(before + share, number(r, 77) - kSlack);
        }
      }
}

TEST(SampleTokens, TemperatureZeroTopOneAndTinyTopPTakeTheMostLikely) {
  Cpu cpu;
  Array<float, 2> logits({1, 9}, -3.0f);
  logits[4] = logits[7] = 2.0f;  // equals: the lower wins
  Array<std::int32_t, 1> token({1});
  for (std::uint32_t position = 0; position < 50; ++position)
    for (const SamplingOptions& options :
         {SamplingOptions{.temperature = 0}, SamplingOptions{.top_k = 1}, SamplingOptions{.top_p = 1e-9f},
          SamplingOptions{.temperature = 1e-30f, .top_k = 1}}) {
      kernels::sample_tokens(cpu, logits.view(), {}, options, kStream, 0, position, token.view());
      ASSERT_EQ(token[0], 4);
    }
}

// Every token of the row that is drawn in a thousand positions.
std::set<std::int32_t> drawn(const std::vector<float>& row, const SamplingOptions& options,
                             const std::vector<std::uint8_t>& allowed = {}) {
  Cpu cpu;
  const std::array<Index, 2> extents{1, static_cast<Index>(row.size())};
  View<const std::uint8_t, 2> mask;
  if (!allowed.empty()) mask = {allowed.data(), extents};
  std::set<std::int32_t> tokens;
  Array<std::int32_t, 1> token({1});
  for (std::uint32_t position = 0; position < 1000; ++position) {
    kernels::sample_tokens(cpu, {row.data(), extents}, mask, options, kStream, 0, position, token.view());
    tokens.insert(token[0]);
  }
  return tokens;
}

using Tokens = std::set<std::int32_t>;

TEST(SampleTokens, TiesAtACutGoToTheLowerTokens) {
  EXPECT_EQ(drawn(std::vector<float>(12, 1.5f), {.top_k = 3}), (Tokens{0, 1, 2}));
  EXPECT_EQ(drawn(std::vector<float>(10, -2.0f), {.top_p = 0.35f}), (Tokens{0, 1, 2, 3}));
  EXPECT_EQ(drawn({0.0f, -0.0f, 1.0f, -0.0f}, {.top_k = 3}), (Tokens{0, 1, 2}));
}

TEST(SampleTokens, TopPKeepsTheTokenThatCrosses) {
  const std::vector<float> row{std::log(0.2f), std::log(0.5f), std::log(0.3f)};
  EXPECT_EQ(drawn(row, {.top_p = 0.45f}), (Tokens{1}));
  EXPECT_EQ(drawn(row, {.top_p = 0.55f}), (Tokens{1, 2}));
  EXPECT_EQ(drawn(row, {.top_p = 0.85f}), (Tokens{0, 1, 2}));
  EXPECT_EQ(drawn(row, {.top_k = 2, .top_p = 0.6f}), (Tokens{1}));  // 0.5 / 0.8 of what top-k kept
}

TEST(SampleTokens, AMaskForbidsEvenTheMostLikely) {
  EXPECT_EQ(drawn({9, 1, 1, 9}, {}, {0, 1, 1, 0}), (Tokens{1, 2}));
  EXPECT_EQ(drawn({9, 1, 2, 9}, {.temperature = 0}, {0, 1, 1, 0}), (Tokens{2}));
  EXPECT_EQ(drawn({9, 1, 2, 3}, {.top_k = 2}, {0, 1, 1, 1}), (Tokens{2, 3}));
  const float minus_infinity = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(drawn({1, minus_infinity, 1}, {}), (Tokens{0, 2}));
}

TEST(SampleTokens, LogitsThatAreNotNumbersStillGiveAnAllowedToken) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const auto& options : kOptions)
    for (const std::vector<float>& row : {std::vector<float>{nan, nan, nan},
                                          {-nan, -nan, -nan},
                                          {1, infinity, infinity},
                                          {1, nan, 2},
                                          {-infinity, -infinity, -infinity}})
      for (std::int32_t token : drawn(row, options, {0, 1, 1})) EXPECT_TRUE(token == 1 || token == 2);
}

TEST(SampleTokens, ARowDrawsTheSameAloneAsInABatch) {
  constexpr Index kRows = 37, V = 50;
  const auto logits = random_array<2>({kRows, V}, 2, 3.0f);
  Cpu cpu;
  for (const auto& options : kOptions) {
    Array<std::int32_t, 1> batch({kRows}), alone({1});
    kernels::sample_tokens(cpu, logits.view(), {}, options, kStream, kFirstRow, 4, batch.view());
    for (Index r = 0; r < kRows; ++r) {
      kernels::sample_tokens(cpu, logits.view().row_block(r, 1), {}, options, kStream, kFirstRow + r, 4, alone.view());
      EXPECT_EQ(alone[0], batch[r]);
    }
  }
}

TEST(SampleTokens, FrequenciesAreTheProbabilities) {
  constexpr Index V = 24, kRows = 200, kPositions = 100;
  Cpu cpu;
  const auto row = random_array<1>({V}, 3, 1.5f);
  Array<float, 2> logits({kRows, V});
  for (Index r = 0; r < kRows; ++r) std::copy_n(row.values().data(), V, logits.view().row(r));
  std::vector<double> counts(V);
  Array<std::int32_t, 1> tokens({kRows});
  for (std::uint32_t position = 0; position < kPositions; ++position) {
    kernels::sample_tokens(cpu, logits.view(), {}, {.temperature = 1.5f}, kStream, 0, position, tokens.view());
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

TEST(SampleTokens, RefusesOptionsOutOfRangeAndRowsWithoutAToken) {
  Cpu cpu;
  const Array<float, 2> logits({2, 3});
  Array<std::uint8_t, 2> allowed({2, 3});
  allowed[0] = 1;
  Array<std::int32_t, 1> tokens({2});
  const auto run = [&](const SamplingOptions& options, View<const std::uint8_t, 2> mask) {
    kernels::sample_tokens(cpu, logits.view(), mask, options, kStream, 0, 0, tokens.view());
  };
  for (const SamplingOptions& options :
       {SamplingOptions{.temperature = -1}, SamplingOptions{.temperature = NAN}, SamplingOptions{.top_k = -1},
        SamplingOptions{.top_p = 0}, SamplingOptions{.top_p = 1.5f}})
    EXPECT_THROW(run(options, {}), ContractError);
  EXPECT_THROW(run({}, allowed.view()), ContractError);
}

TEST(SampleKeys, SoundsEachKeyByItsOwnNumberAmongWhatTheOptionsKeep) {
  for (Index K : {1, 5, 8, 88, 106, 107})
    for (const auto& options : kOptions)
      for (bool masked : {false, true}) {
        constexpr Index kRows = 40;
        constexpr std::uint32_t kPosition = 13;
        const auto logits = random_array<2>({kRows, K}, 4, 5.0f);
        const auto mask = random_mask(kRows, K);
        Array<std::uint8_t, 2> first({kRows, K});
        for (int threads : kThreadCounts) {
          Cpu cpu{threads};
          Array<std::uint8_t, 2> keys({kRows, K}, 7);
          kernels::sample_keys(cpu, logits.view(), masked ? mask.view() : View<const std::uint8_t, 2>{}, options,
                               kStream, kFirstRow, kPosition, keys.view());
          if (threads == 1) first = keys;
          ASSERT_EQ(keys.values(), first.values()) << threads << " threads";
        }
        for (Index r = 0; r < kRows; ++r) {
          std::vector<double> measures;
          for (Index k = 0; k < K; ++k)
            measures.push_back(1 / (1 + std::exp(-static_cast<double>(logits[r * K + k]) / options.temperature)));
          const auto kept = kept_oracle(logits.view().row(r), measures, allowed_row(mask, r, K, masked), options);
          for (Index k = 0; k < K; ++k) {
            const double u = number(r, kPosition * K + k), p = kept[static_cast<std::size_t>(k)];
            if (std::abs(u - p) < kSlack) continue;
            ASSERT_EQ(first[r * K + k], u < p ? 1 : 0) << "key " << k << " of " << K << ", row " << r;
          }
        }
      }
}

TEST(SampleKeys, TemperatureZeroSoundsThePositiveLogits) {
  Cpu cpu;
  const std::vector<float> row{-1, 0, 1e-20f, 3, 2, -0.0f};
  Array<std::uint8_t, 2> keys({1, 6});
  const auto run = [&](const SamplingOptions& options) {
    kernels::sample_keys(cpu, {row.data(), {1, 6}}, {}, options, kStream, 0, 0, keys.view());
    return keys.values();
  };
  EXPECT_EQ(run({.temperature = 0}), (std::vector<std::uint8_t>{0, 0, 1, 1, 1, 0}));
  EXPECT_EQ(run({.temperature = 0, .top_k = 2}), (std::vector<std::uint8_t>{0, 0, 0, 1, 1, 0}));
  EXPECT_EQ(run({.temperature = 0, .top_k = 5}), (std::vector<std::uint8_t>{0, 0, 1, 1, 1, 0}));
}

TEST(SampleKeys, AMaskMaySilenceAWholeRow) {
  Cpu cpu;
  const Array<float, 2> logits({1, 20}, 50.0f);
  const Array<std::uint8_t, 2> none({1, 20});
  for (const auto& options : kOptions) {
    Array<std::uint8_t, 2> keys({1, 20}, 7);
    kernels::sample_keys(cpu, logits.view(), none.view(), options, kStream, 0, 0, keys.view());
    EXPECT_EQ(keys.values(), std::vector<std::uint8_t>(20, 0));
  }
}

TEST(SampleKeys, FrequenciesAreTheProbabilities) {
  constexpr Index K = 106, kRows = 100, kPositions = 100;
  Cpu cpu;
  const auto row = random_array<1>({K}, 5, 3.0f);
  Array<float, 2> logits({kRows, K});
  for (Index r = 0; r < kRows; ++r) std::copy_n(row.values().data(), K, logits.view().row(r));
  std::vector<double> counts(K);
  Array<std::uint8_t, 2> keys({kRows, K});
  for (std::uint32_t position = 0; position < kPositions; ++position) {
    kernels::sample_keys(cpu, logits.view(), {}, {}, kStream, 0, position, keys.view());
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
