#include "runtime/training/shards.h"

#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <stdexcept>

#include "tests/kernels/support.h"
#include "tests/runtime/steps.h"

namespace polonaise::testing {
namespace {

TEST(Shards, CutABatchIntoStretchesThatCoverItInOrder) {
  for (Index batch = 1; batch <= 300; ++batch) {
    const Index n = Shards::count(Cpu{2}, batch);
    EXPECT_EQ(n, std::min<Index>(16, ceil_div(batch, 8))) << batch;
    Index end = 0;
    for (Index i = 0; i < n; ++i) {
      const Shards::Rows rows = Shards::rows(batch, n, i);
      EXPECT_EQ(rows.first, end) << batch;
      EXPECT_GE(rows.count, batch / n) << batch;
      EXPECT_LE(rows.count, ceil_div(batch, n)) << batch;
      end += rows.count;
    }
    EXPECT_EQ(end, batch);
  }
}

// Parameters of 100 floats, and a forward pass whose "gradient" tells what it was given.
class ShardsTest : public ::testing::Test {
 protected:
  explicit ShardsTest(int threads = 2) : device_(Cpu{threads}), parameters_(device_) {
    parameters_.add("weight", {100}, Parameters::Init::constant, 1, Parameters::Kind::edge);
    parameters_.allocate(1);
  }
  // Rounding makes any other order of the sums show.
  static TargetLossViews forward(Tape& tape, Shards::Rows rows) {
    const View<float, 1> gradients = tape.gradients();
    const kernels::RandomStream stream = tape.random_stream();
    const View<float, 1> main = tape.floats(rows.count), durations = tape.floats(rows.count);
    for (Index row = 0; row < rows.count; ++row) {
      const auto r = static_cast<std::uint32_t>(tape.place().first_row + row);
      for (Index i = 0; i < gradients.size(); ++i)
        gradients.data()[i] += kernels::uniform(stream, r, static_cast<std::uint32_t>(i)) - 0.5f;
      main.data()[row] = 0.1f * static_cast<float>(r);
      durations.data()[row] = 1 / static_cast<float>(1 + r);
    }
    return {main, durations};
  }
  static std::vector<float> copy(View<const float, 1> view) { return {view.data(), view.data() + view.size()}; }

  AnyDevice device_;
  Parameters parameters_;
};

TEST_F(ShardsTest, SlabsAndLossesAreAddedInTheOrderOfTheShards) {
  Shards shards(parameters_);
  constexpr Index kRows = 50;
  const Tape::Place place{3, 4, 0};
  const LossSum sum = train(shards, device_, kRows, place, forward);

  std::vector<float> expected(static_cast<std::size_t>(parameters_.size()));
  LossSum expected_loss;
  const Index n = Shards::count(device_, kRows);
  for (Index i = 0; i < n; ++i) {
    const Shards::Rows rows = Shards::rows(kRows, n, i);
    Arena arena(device_);
    std::vector<float> slab(expected.size());
    Tape tape = Tape::training(device_, arena, {3, 4, rows.first}, {slab.data(), {parameters_.size()}});
    const TargetLossViews losses = forward(tape, rows);
    expected_loss += polonaise::sum(device_, losses);
    for (std::size_t j = 0; j < slab.size(); ++j) expected[j] = i == 0 ? slab[j] : expected[j] + slab[j];
  }
  EXPECT_EQ(copy(shards.gradients()), expected);
  EXPECT_EQ(sum.main, expected_loss.main);
  EXPECT_EQ(sum.duration, expected_loss.duration);
  EXPECT_EQ(sum.total(), sum.main + sum.duration);
}

TEST_F(ShardsTest, BitsDoNotDependOnTheNumberOfThreads) {
  std::vector<float> first;
  for (const int threads : kThreadCounts) {
    AnyDevice device = Cpu{threads};
    Parameters parameters(device);
    parameters.add("weight", {100}, Parameters::Init::constant, 1, Parameters::Kind::edge);
    parameters.allocate(1);
    Shards shards(parameters);
    train(shards, device, 77, {1, 2, 0}, forward);
    if (first.empty()) first = copy(shards.gradients());
    EXPECT_EQ(copy(shards.gradients()), first) << threads << " threads";
  }
}

TEST_F(ShardsTest, EachStepBeginsFromZeroAndLaterBatchesOfItDoNot) {
  Shards shards(parameters_);
  train(shards, device_, 20, {1, 2, 0}, forward);
  const std::vector<float> once = copy(shards.gradients());
  train(shards, device_, 20, {1, 2, 0}, forward);
  EXPECT_EQ(copy(shards.gradients()), once);
  train(shards, device_, 20, {1, 2, 20}, forward);
  EXPECT_NE(copy(shards.gradients()), once);
}

TEST_F(ShardsTest, HalfBatchesAccumulateToTheWholeOne) {
  Shards shards(parameters_);
  train(shards, device_, 32, {1, 2, 0}, forward);
  const std::vector<float> whole = copy(shards.gradients());
  train(shards, device_, 16, {1, 2, 0}, forward);
  train(shards, device_, 16, {1, 2, 16}, forward);
  EXPECT_LT(relative_error(copy(shards.gradients()), to_double(whole)), 1e-6);
}

TEST_F(ShardsTest, InferenceHasNoGradientsAndSumsTheLosses) {
  Shards shards(parameters_);
  std::mutex mutex;
  std::set<Index> seen;
  const LossSum sum = shards.infer(30, [&](Tape& tape, Shards::Rows rows) {
    EXPECT_FALSE(tape.is_training());
    EXPECT_TRUE(tape.gradients().empty());
    const std::lock_guard lock(mutex);
    for (Index i = 0; i < rows.count; ++i) EXPECT_TRUE(seen.insert(rows.first + i).second);
    const View<float, 1> ones = tape.floats(rows.count);
    std::fill_n(ones.data(), rows.count, 1.0f);
    return TargetLossViews{ones, {}};
  });
  EXPECT_EQ(seen.size(), 30u);
  EXPECT_EQ(sum.total(), 30);
}

TEST_F(ShardsTest, TheFirstFailingShardsExceptionReachesTheCaller) {
  Shards shards(parameters_);
  const auto failing = [](Tape&, Shards::Rows rows) -> TargetLossViews {
    if (rows.first >= 16) throw std::runtime_error("rows from " + std::to_string(rows.first));
    return {};
  };
  const auto message = [&](auto&& call) -> std::string {
    try {
      call();
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  EXPECT_EQ(message([&] { train(shards, device_, 40, {}, failing); }), "rows from 16");
  EXPECT_EQ(message([&] { shards.infer(40, failing); }), "rows from 16");
  // And the next step works.
  EXPECT_GT(train(shards, device_, 40, {}, forward).total(), 0);
}

TEST_F(ShardsTest, ArenasAreFlatFromTheSecondStepOn) {
  Shards shards(parameters_);
  const auto hungry = [](Tape& tape, Shards::Rows rows) {
    for (int i = 0; i < 10; ++i) tape.floats(100000 * rows.count);
    return TargetLossViews{};
  };
  train(shards, device_, 20, {}, hungry);
  const std::size_t high_water = shards.arena_high_water();
  EXPECT_GE(high_water, 10u * 100000u * 20u * sizeof(float));
  train(shards, device_, 20, {}, hungry);
  const std::size_t capacity = shards.arena_capacity();
  for (int i = 0; i < 5; ++i) train(shards, device_, 20, {}, hungry);
  EXPECT_EQ(shards.arena_high_water(), high_water);
  EXPECT_EQ(shards.arena_capacity(), capacity);
}

}  // namespace
}  // namespace polonaise::testing
