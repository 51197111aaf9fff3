#include "kernels/sampling/nade.h"

#include <array>
#include <numeric>
#include <string>

#include "kernels/base/require.h"
#include "tests/kernels/sparse_support.h"

namespace polonaise::testing {
namespace {

using kernels::NadeOptions;

struct Shape {
  Index R, K, H;
  double keys;  // that sound in a row, on average
};
// Tails of every vector length, several tasks and chunks of rows, rows that are silent and rows that sound nearly
// whole.
const std::vector<Shape> kShapes = cases<Shape>(
    {{1, 1, 1, 1}, {3, 2, 5, 1}, {70, 9, 12, 3}, {18, 20, 36, 4}, {3, 106, 130, 5}, {3, 35, 300, 30}, {4, 9, 67, 0}},
    {{3, 35, 36, 4}, {2, 5, 35, 3}});

// The numbers of a Nade, in double for the oracle.
struct Numbers {
  Shape shape;
  std::vector<double> hidden, bias, key_in, key_out;

  std::vector<double> flat() const {
    std::vector<double> all = hidden;
    for (const auto* part : {&bias, &key_in, &key_out}) all.insert(all.end(), part->begin(), part->end());
    return all;
  }
  Numbers with(const std::vector<double>& all) const {
    Numbers numbers = *this;
    auto next = all.begin();
    for (auto* part : {&numbers.hidden, &numbers.bias, &numbers.key_in, &numbers.key_out}) {
      std::copy_n(next, part->size(), part->begin());
      next += static_cast<std::ptrdiff_t>(part->size());
    }
    return numbers;
  }
  // h[r,0,:] before it is rectified.
  std::vector<double> sums(Index r) const {
    const auto row = hidden.begin() + r * shape.H;
    return {row, row + shape.H};
  }
  void add_key(std::vector<double>& sums, Index k) const {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += key_in[static_cast<std::size_t>(k * shape.H) + i];
  }
  double logit(Index r, Index k, const std::vector<double>& h) const {
    return std::inner_product(h.begin(), h.end(), key_out.begin() + k * shape.H,
                              bias[static_cast<std::size_t>(r * shape.K + k)]);
  }
};

std::vector<double> rectified(std::vector<double> x) {
  for (double& value : x) value = std::max(value, 0.0);
  return x;
}

struct Result {
  std::vector<double> losses, hidden, bias, key_in, key_out;  // losses, gradients
};

// By the definition: a hidden vector for each key, each gradient where its formula puts it.
Result oracle(const Numbers& n, const SparseMatrix& targets, const std::vector<std::int32_t>& mask) {
  const auto [R, K, H, keys] = n.shape;
  Result result{std::vector<double>(static_cast<std::size_t>(R)), std::vector<double>(n.hidden.size()),
                std::vector<double>(n.bias.size()), std::vector<double>(n.key_in.size()),
                std::vector<double>(n.key_out.size())};
  for (Index r = 0; r < R; ++r) {
    if (!mask.empty() && mask[static_cast<std::size_t>(r)] == 0) continue;
    std::vector<double> sums = n.sums(r);
    std::vector<Index> below;  // the keys that sound below k
    Index next = targets.begin(r);
    for (Index k = 0; k < K; ++k) {
      const std::vector<double> h = rectified(sums);
      const bool sounds = next < targets.end(r) && targets.column(next) == k;
      const double z = n.logit(r, k, h), slope = 1 / (1 + std::exp(-z)) - sounds;
      result.losses[static_cast<std::size_t>(r)] += std::log1p(std::exp(sounds ? -z : z));
      result.bias[static_cast<std::size_t>(r * K + k)] = slope;
      for (Index i = 0; i < H; ++i) {
        const double value = h[static_cast<std::size_t>(i)];
        result.key_out[static_cast<std::size_t>(k * H + i)] += slope * value;
        const double dsum = value > 0 ? slope * n.key_out[static_cast<std::size_t>(k * H + i)] : 0;
        result.hidden[static_cast<std::size_t>(r * H + i)] += dsum;
        for (const Index j : below) result.key_in[static_cast<std::size_t>(j * H + i)] += dsum;
      }
      if (!sounds) continue;
      n.add_key(sums, k);
      below.push_back(k);
      ++next;
    }
  }
  return result;
}

// A Nade's tensors in host memory.
struct Tensors {
  explicit Tensors(Shape s, std::uint64_t seed = 1)
      : shape(s),
        hidden(random_array<2>({s.R, s.H}, seed, 2.0f)),
        bias(random_array<2>({s.R, s.K}, seed + 1, 3.0f)),
        key_in(random_array<2>({s.K, s.H}, seed + 2, 1.5f)),
        key_out(random_array<2>({s.K, s.H}, seed + 3, 0.5f)) {}
  Numbers numbers() const {
    return {shape, to_double(hidden.values()), to_double(bias.values()), to_double(key_in.values()),
            to_double(key_out.values())};
  }
  Shape shape;
  Array<float, 2> hidden, bias, key_in, key_out;
};

template <class Target>
class Nade : public DeviceTest<Target> {
 protected:
  using Device = typename Target::Device;

  // Tensors where the device reaches them, and what is added to.
  struct Placed {
    Placed(Nade& test, const Tensors& t)
        : hidden(test.place(t.hidden)),
          bias(test.place(t.bias)),
          key_in(test.place(t.key_in)),
          key_out(test.place(t.key_out)) {}
    kernels::Nade view() const { return {hidden.view(), bias.view(), key_in.view(), key_out.view()}; }
    decltype(testing::place(std::declval<Device&>(), std::declval<Array<float, 2>>())) hidden, bias, key_in, key_out;
  };

  struct Outcome {
    std::vector<float> losses, hidden, bias, key_in, key_out;
  };
  // With gradients; those of the weights are added to `before`.
  Outcome run(Device& device, const Tensors& t, const SparseMatrix& targets, const Array<std::int32_t, 1>* mask,
              float before = 0) {
    const auto [R, K, H, keys] = t.shape;
    const Placed nade(*this, t);
    const PlacedSparse<Device> placed_targets(this->device(), targets);
    const auto placed_mask = this->place(mask ? *mask : Array<std::int32_t, 1>({1}));
    auto losses = this->place(Array<float, 1>({R}, NAN));
    auto dhidden = this->place(Array<float, 2>({R, H}, NAN)), dbias = this->place(Array<float, 2>({R, K}, NAN)),
         dkey_in = this->place(Array<float, 2>({K, H}, before)),
         dkey_out = this->place(Array<float, 2>({K, H}, before));
    auto scratch = this->place(Array<float, 2>({R + 2 * static_cast<Index>(targets.columns.size()), H}, NAN));
    kernels::nade_loss(device, {.nade = nade.view(),
                                .targets = placed_targets.view(),
                                .mask = mask ? placed_mask.view() : View<const std::int32_t, 1>{},
                                .losses = losses.view(),
                                .gradients = {dhidden.view(), dbias.view(), dkey_in.view(), dkey_out.view()},
                                .scratch = scratch.view()});
    return {fetch(losses).values(), fetch(dhidden).values(), fetch(dbias).values(), fetch(dkey_in).values(),
            fetch(dkey_out).values()};
  }
  // Without gradients.
  std::vector<float> losses(const Tensors& t, const SparseMatrix& targets) {
    const Placed nade(*this, t);
    const PlacedSparse<Device> placed_targets(this->device(), targets);
    auto losses = this->place(Array<float, 1>({t.shape.R}, NAN));
    kernels::nade_loss(this->device(),
                       {.nade = nade.view(), .targets = placed_targets.view(), .losses = losses.view()});
    return fetch(losses).values();
  }
  std::vector<std::uint8_t> sample(Device& device, const Tensors& t, const Array<std::uint8_t, 2>* mask,
                                   const NadeOptions& options, Index first_row = 0, std::uint32_t position = 0) {
    const Placed nade(*this, t);
    const auto allowed = this->place(mask ? *mask : Array<std::uint8_t, 2>({1, 1}));
    auto keys = this->place(Array<std::uint8_t, 2>({t.shape.R, t.shape.K}, 7));
    kernels::nade_sample(device, {.nade = nade.view(),
                                  .allowed = mask ? allowed.view() : View<const std::uint8_t, 2>{},
                                  .options = options,
                                  .stream = {9, 8, 7},
                                  .first_row = first_row,
                                  .position = position,
                                  .keys = keys.view()});
    return fetch(keys).values();
  }
};
TYPED_TEST_SUITE(Nade, FloatTargets, TargetNames);

TYPED_TEST(Nade, FollowsTheDoubleOracleAndRepeats) {
  for (const Shape& shape : kShapes)
    for (bool masked : {false, true}) {
      const std::string name = std::to_string(shape.R) + " x " + std::to_string(shape.K) + " x " +
                               std::to_string(shape.H) + (masked ? ", masked" : "");
      const Tensors t(shape);
      const SparseMatrix targets = random_sparse(shape.R, shape.K, shape.keys, 9, false);
      Array<std::int32_t, 1> mask({shape.R}, 1);
      for (Index r = 1; r < shape.R; r += 3) mask[r] = 0;
      const Result expected = oracle(t.numbers(), targets, masked ? mask.values() : std::vector<std::int32_t>{});
      std::vector<typename TestFixture::Outcome> outcomes;
      for (auto& twin : this->twins()) {
        outcomes.push_back(this->run(twin, t, targets, masked ? &mask : nullptr));
        const auto &actual = outcomes.back(), &first = outcomes.front();
        EXPECT_LT(relative_error(actual.losses, expected.losses), kFloatTolerance) << name;
        EXPECT_LT(relative_error(actual.hidden, expected.hidden), kFloatTolerance) << name;
        EXPECT_LT(relative_error(actual.bias, expected.bias), kFloatTolerance) << name;
        EXPECT_LT(relative_error(actual.key_in, expected.key_in), kFloatTolerance) << name;
        EXPECT_LT(relative_error(actual.key_out, expected.key_out), kFloatTolerance) << name;
        EXPECT_TRUE(same_bits(actual.losses, first.losses)) << name;
        EXPECT_TRUE(same_bits(actual.hidden, first.hidden)) << name;
        EXPECT_TRUE(same_bits(actual.bias, first.bias)) << name;
        EXPECT_TRUE(same_bits(actual.key_in, first.key_in)) << name;
        EXPECT_TRUE(same_bits(actual.key_out, first.key_out)) << name;
      }
      if (masked) continue;
      EXPECT_EQ(this->losses(t, targets), outcomes[0].losses) << name;
    }
}

TEST(NadeOracle, ItsGradientIsTheDerivativeOfItsLoss) {
  const Shape shape{3, 7, 5, 3};
  const Numbers numbers = Tensors(shape).numbers();
  const SparseMatrix targets = random_sparse(3, 7, 3, 10, false);
  const std::vector<std::int32_t> mask{1, 0, 1};
  const auto numeric = central_differences(
      [&](const std::vector<double>& x) {
        const std::vector<double> losses = oracle(numbers.with(x), targets, mask).losses;
        return std::accumulate(losses.begin(), losses.end(), 0.0);
      },
      numbers.flat());
  const Result result = oracle(numbers, targets, mask);
  const Numbers analytic{shape, result.hidden, result.bias, result.key_in, result.key_out};
  EXPECT_LT(relative_error(numeric, analytic.flat()), 1e-8);
}

TYPED_TEST(Nade, GradientsOfTheWeightsAreAdded) {
  const Tensors t({6, 35, 20, 4});
  const SparseMatrix targets = random_sparse(6, 35, 4, 3, false);
  const auto from_nothing = this->run(this->device(), t, targets, nullptr),
             from_two = this->run(this->device(), t, targets, nullptr, 2.0f);
  EXPECT_EQ(from_two.bias, from_nothing.bias);
  const auto two_more = [](const std::vector<float>& values) {
    std::vector<double> sums = to_double(values);
    for (double& sum : sums) sum += 2;
    return sums;
  };
  EXPECT_LT(relative_error(from_two.key_in, two_more(from_nothing.key_in)), 1e-6);
  EXPECT_LT(relative_error(from_two.key_out, two_more(from_nothing.key_out)), 1e-6);
}

// Row r of a matrix of all frames of K keys: bit k of r is key k.
SparseMatrix all_frames(Index K) {
  SparseMatrix frames;
  for (std::int32_t frame = 0; frame < 1 << K; ++frame) {
    for (std::int32_t k = 0; k < K; ++k)
      if (frame >> k & 1) frames.columns.push_back(k);
    frames.offsets.push_back(static_cast<std::int32_t>(frames.columns.size()));
  }
  return frames;
}

// A Nade of the same state in each row.
Tensors repeated(Shape shape, std::uint64_t seed) {
  Tensors t(shape, seed);
  for (Index r = 1; r < shape.R; ++r) {
    std::copy_n(t.hidden.view().row(0), shape.H, t.hidden.view().row(r));
    std::copy_n(t.bias.view().row(0), shape.K, t.bias.view().row(r));
  }
  return t;
}

TYPED_TEST(Nade, TheProbabilitiesOfAllFramesSumToOne) {
  const Index K = cases<Index>({6}, {3})[0];
  const Tensors t = repeated({Index{1} << K, K, 12, 0}, 4);
  double sum = 0;
  for (const float loss : this->losses(t, all_frames(K))) sum += std::exp(-static_cast<double>(loss));
  EXPECT_NEAR(sum, 1, 1e-6);
}

TYPED_TEST(Nade, HeadsShareOneMatrixAsBlocksOfColumns) {
  const Shape shape{9, 21, 14, 4};
  const Index all = shape.K + 3 + shape.H;
  const Tensors t(shape);
  const SparseMatrix targets = random_sparse(9, 21, 4, 14, false);
  const auto expected = this->run(this->device(), t, targets, nullptr);
  Array<float, 2> host({shape.R, all});
  for (Index r = 0; r < shape.R; ++r) {
    std::copy_n(t.bias.view().row(r), shape.K, host.view().row(r));
    std::copy_n(t.hidden.view().row(r), shape.H, host.view().row(r) + shape.K + 3);
  }
  const auto shared = this->place(host);
  const auto key_in = this->place(t.key_in), key_out = this->place(t.key_out);
  const PlacedSparse<typename TestFixture::Device> placed_targets(this->device(), targets);
  auto losses = this->place(Array<float, 1>({shape.R}));
  auto gradient = this->place(Array<float, 2>({shape.R, all}, 7.0f)),
       dkey_in = this->place(Array<float, 2>({shape.K, shape.H})),
       dkey_out = this->place(Array<float, 2>({shape.K, shape.H})),
       scratch = this->place(Array<float, 2>({shape.R + 2 * static_cast<Index>(targets.columns.size()), shape.H}));
  const auto hidden_of = [&](auto view) { return view.column_block(shape.K + 3, shape.H); };
  const auto bias_of = [&](auto view) { return view.column_block(0, shape.K); };
  kernels::nade_loss(
      this->device(),
      {.nade = {hidden_of(shared.view()), bias_of(shared.view()), key_in.view(), key_out.view()},
       .targets = placed_targets.view(),
       .losses = losses.view(),
       .gradients = {hidden_of(gradient.view()), bias_of(gradient.view()), dkey_in.view(), dkey_out.view()},
       .scratch = scratch.view()});
  EXPECT_EQ(fetch(losses).values(), expected.losses);
  EXPECT_EQ(fetch(dkey_in).values(), expected.key_in);
  EXPECT_EQ(fetch(dkey_out).values(), expected.key_out);
  const auto written = fetch(gradient);
  for (Index r = 0; r < shape.R; ++r)
    for (Index c = 0; c < all; ++c) {
      const float value = written.view().row(r)[c];
      if (c < shape.K)
        EXPECT_EQ(value, expected.bias[static_cast<std::size_t>(r * shape.K + c)]);
      else if (c < shape.K + 3)
        EXPECT_EQ(value, 7.0f);
      else
        EXPECT_EQ(value, expected.hidden[static_cast<std::size_t>(r * shape.H + c - shape.K - 3)]);
    }
}

TYPED_TEST(Nade, WhatIsNotANumberShowsInTheLoss) {
  Tensors t({2, 9, 5, 2});
  t.hidden[0] = NAN;
  const auto losses = this->losses(t, random_sparse(2, 9, 2, 3, false));
  EXPECT_TRUE(std::isnan(losses[0]));
  EXPECT_FALSE(std::isnan(losses[1]));
}

TYPED_TEST(Nade, KeysOutsideTheRowOrOutOfOrderAreRefusedOrShowAsNan) {
  const Tensors t({1, 5, 3, 0});
  for (const SparseMatrix& bad : {SparseMatrix{.offsets = {0, 1}, .columns = {-1}, .values = {}},
                                  SparseMatrix{.offsets = {0, 2}, .columns = {1, 5}, .values = {}},
                                  SparseMatrix{.offsets = {0, 2}, .columns = {3, 1}, .values = {}},
                                  SparseMatrix{.offsets = {0, 2}, .columns = {1, 1}, .values = {}},
                                  SparseMatrix{.offsets = {0, 2}, .columns = {1}, .values = {}}}) {
    if constexpr (std::is_same_v<typename TestFixture::Device, Cpu>) {
      EXPECT_THROW(this->run(this->device(), t, bad, nullptr), ContractError);
    } else {
      const auto outcome = this->run(this->device(), t, bad, nullptr);
      EXPECT_TRUE(std::isnan(outcome.losses[0]));
      for (float slope : outcome.bias) EXPECT_TRUE(std::isnan(slope));
      for (float slope : outcome.hidden) EXPECT_TRUE(std::isnan(slope));
    }
  }
}

TYPED_TEST(Nade, NoRowsAreNoWork) {
  const Tensors t({0, 5, 3, 0});
  const auto outcome = this->run(this->device(), t, SparseMatrix{}, nullptr, 2.0f);
  EXPECT_EQ(outcome.key_in, std::vector<float>(15, 2.0f));
  EXPECT_EQ(outcome.key_out, std::vector<float>(15, 2.0f));
  EXPECT_TRUE(this->sample(this->device(), t, nullptr, {}).empty());
}

// What one row draws by the definition; -1 where a number lies too close to its probability to tell.
std::vector<int> draws_of(const Numbers& n, Index r, const Array<std::uint8_t, 2>* allowed, const NadeOptions& options,
                          Index first_row, std::uint32_t position) {
  constexpr double kSlack = 1e-5;
  const Index K = n.shape.K;
  std::vector<double> sums = n.sums(r);
  std::vector<int> draws(static_cast<std::size_t>(K));
  Index count = 0;
  for (Index k = 0; k < K && (options.max_keys == 0 || count < options.max_keys); ++k) {
    if (allowed && allowed->view().row(r)[k] == 0) continue;
    const double z = n.logit(r, k, rectified(sums)), T = static_cast<double>(options.temperature);
    const double u =
        static_cast<double>(kernels::uniform({9, 8, 7}, static_cast<std::uint32_t>(first_row + r),
                                             position * static_cast<std::uint32_t>(K) + static_cast<std::uint32_t>(k)));
    const double p = T == 0 ? (z > 0 ? 1 : 0) : 1 / (1 + std::exp(-z / T));
    if (T > 0 && std::abs(u - p) < kSlack) return std::vector<int>(draws.size(), -1);
    if (u >= p) continue;
    n.add_key(sums, k);
    draws[static_cast<std::size_t>(k)] = 1;
    ++count;
  }
  return draws;
}

TYPED_TEST(Nade, DrawsEachKeyGivenThoseDrawnBelowIt) {
  constexpr Index kFirstRow = 5;
  constexpr std::uint32_t kPosition = 13;
  for (const Shape& shape : cases<Shape>({{5, 88, 32, 0}, {18, 20, 67, 0}, {5, 3, 300, 0}}, {{2, 37, 35, 0}}))
    for (const NadeOptions& options : {NadeOptions{}, NadeOptions{.temperature = 0.5f}, NadeOptions{.temperature = 0},
                                       NadeOptions{.max_keys = 3}, NadeOptions{.max_keys = 1}})
      for (bool masked : {false, true}) {
        const Tensors t(shape, 20);
        const auto numbers = random_array<2>({shape.R, shape.K}, 30);
        Array<std::uint8_t, 2> mask({shape.R, shape.K});
        for (Index i = 0; i < mask.size(); ++i) mask[i] = numbers[i] > -0.5f ? 1 : 0;
        std::vector<std::vector<std::uint8_t>> draws;
        for (auto& twin : this->twins()) {
          draws.push_back(this->sample(twin, t, masked ? &mask : nullptr, options, kFirstRow, kPosition));
          ASSERT_EQ(draws.back(), draws[0]);
        }
        Index told = 0;
        for (Index r = 0; r < shape.R; ++r) {
          const auto expected = draws_of(t.numbers(), r, masked ? &mask : nullptr, options, kFirstRow, kPosition);
          if (expected[0] < 0) continue;
          ++told;
          for (Index k = 0; k < shape.K; ++k)
            ASSERT_EQ(draws[0][static_cast<std::size_t>(r * shape.K + k)], expected[static_cast<std::size_t>(k)])
                << "key " << k << ", row " << r;
        }
        EXPECT_GE(told, shape.R - 1);
      }
}

TYPED_TEST(Nade, SamplingOptionsOutOfRangeAreRefused) {
  const Tensors t({2, 5, 3, 0});
  for (const NadeOptions& options :
       {NadeOptions{.temperature = -1}, NadeOptions{.temperature = NAN}, NadeOptions{.max_keys = -1}})
    EXPECT_THROW(this->sample(this->device(), t, nullptr, options), ContractError);
}

TEST(NadeOnCpu, FrequenciesOfFramesAreTheirProbabilities) {
  constexpr Index K = 4, kFrames = Index{1} << K, kRows = 20000;
  Cpu cpu;
  const Tensors all = repeated({kFrames, K, 12, 0}, 4), t = repeated({kRows, K, 12, 0}, 4);
  const SparseMatrix frames = all_frames(K);
  std::vector<float> losses(static_cast<std::size_t>(kFrames));
  kernels::nade_loss(cpu, {.nade = {all.hidden.view(), all.bias.view(), all.key_in.view(), all.key_out.view()},
                           .targets = frames.view(),
                           .losses = {losses.data(), {kFrames}}});
  Array<std::uint8_t, 2> keys({kRows, K});
  kernels::nade_sample(cpu, {.nade = {t.hidden.view(), t.bias.view(), t.key_in.view(), t.key_out.view()},
                             .stream = {9, 8, 7},
                             .keys = keys.view()});
  std::array<double, kFrames> counts{};
  for (Index r = 0; r < kRows; ++r) {
    std::size_t frame = 0;
    for (Index k = 0; k < K; ++k) frame |= static_cast<std::size_t>(keys[r * K + k]) << k;
    ++counts[frame];
  }
  double chi_square = 0;
  for (std::size_t frame = 0; frame < counts.size(); ++frame) {
    const double expected = kRows * std::exp(-static_cast<double>(losses[frame]));
    chi_square += std::pow(counts[frame] - expected, 2) / expected;
  }
  EXPECT_LT(chi_square, 37.7);  // 15 degrees of freedom, one in a thousand
}

}  // namespace
}  // namespace polonaise::testing
