#include "runtime/training/optimizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/runtime/steps.h"

namespace polonaise::testing {
namespace {

TEST(Schedule, WarmsUpLinearlyAndFallsAlongAHalfCosine) {
  const Schedule schedule{.base = 2.0f, .warmup = 10, .total = 110, .floor = 0.1f};
  EXPECT_FLOAT_EQ(schedule.at(1), 0.2f);
  EXPECT_FLOAT_EQ(schedule.at(5), 1.0f);
  EXPECT_FLOAT_EQ(schedule.at(10), 2.0f);
  EXPECT_FLOAT_EQ(schedule.at(60), 2.0f * 0.55f);  // half way: the mean of 1 and the floor
  EXPECT_FLOAT_EQ(schedule.at(35), static_cast<float>(2 * (0.1 + 0.9 * 0.5 * (1 + std::sqrt(0.5)))));
  EXPECT_FLOAT_EQ(schedule.at(110), 0.2f);
  EXPECT_FLOAT_EQ(schedule.at(1000), 0.2f);
}

TEST(Schedule, IsConstantWithoutATotal) {
  const Schedule schedule{.base = 2.0f, .warmup = 4, .total = 0};
  EXPECT_FLOAT_EQ(schedule.at(2), 1.0f);
  EXPECT_EQ(schedule.at(4), 2.0f);
  EXPECT_EQ(schedule.at(100000), 2.0f);
  EXPECT_EQ(Schedule{.base = 2.0f}.at(1), 2.0f);
}

TEST(Schedule, EachDecayHasItsShape) {
  Schedule schedule{.base = 2.0f, .warmup = 10, .total = 110, .floor = 0.1f};
  const auto at = [&](Decay decay, long step) {
    schedule.decay = decay;
    return schedule.at(step);
  };
  for (const Decay decay : {Decay::cosine, Decay::linear, Decay::constant, Decay::wsd, Decay::inverse_sqrt}) {
    EXPECT_FLOAT_EQ(at(decay, 5), 1.0f);
    EXPECT_FLOAT_EQ(at(decay, 10), 2.0f);
    EXPECT_EQ(decay_of(name_of(decay)), decay);
  }
  EXPECT_FLOAT_EQ(at(Decay::linear, 35), 2.0f * 0.775f);
  EXPECT_FLOAT_EQ(at(Decay::linear, 110), 0.2f);
  EXPECT_FLOAT_EQ(at(Decay::constant, 110), 2.0f);
  EXPECT_FLOAT_EQ(at(Decay::wsd, 90), 2.0f);
  EXPECT_FLOAT_EQ(at(Decay::wsd, 100), 2.0f * 0.55f);
  EXPECT_FLOAT_EQ(at(Decay::wsd, 110), 0.2f);
  EXPECT_FLOAT_EQ(at(Decay::inverse_sqrt, 40), 1.0f);
  EXPECT_FLOAT_EQ(at(Decay::inverse_sqrt, 4000), 0.2f);
  EXPECT_THROW(decay_of("cosin"), std::invalid_argument);
}

TEST(Schedule, WithoutAnEndOnlyTheInverseSquareRootFalls) {
  for (const Decay decay : {Decay::cosine, Decay::linear, Decay::constant, Decay::wsd})
    EXPECT_EQ((Schedule{.base = 2.0f, .warmup = 4, .decay = decay}.at(100000)), 2.0f);
  EXPECT_FLOAT_EQ((Schedule{.base = 2.0f, .warmup = 4, .decay = Decay::inverse_sqrt}.at(16)), 1.0f);
}

// A matrix that decays and a bias that does not; and a copy of the matrix, derived.
class OptimizerTest : public ::testing::Test {
 protected:
  OptimizerTest() {
    parameters_.add("weight", {3, 4}, Parameters::Init::constant, 1.0f, Parameters::Kind::edge);
    parameters_.add("bias", {3}, Parameters::Init::constant, 1.0f, Parameters::Kind::vector);
    parameters_.add("head", {2, 3}, Parameters::Init::constant, 1.0f, Parameters::Kind::edge);
    copy_ = parameters_.add_derived(
        12, [this](AnyDevice&, View<float, 1> out) { std::copy_n(parameters_.values().data(), 12, out.data()); });
    parameters_.allocate(1);
    gradients_.resize(static_cast<std::size_t>(parameters_.size()));
  }
  OptimizerStep step(Optimizer& optimizer) {
    return take_step(optimizer, device_, {gradients_.data(), {parameters_.size()}});
  }
  float first(std::size_t entry) const { return parameters_.values().data()[parameters_.entries()[entry].offset]; }
  float& gradient(std::size_t entry) {
    return gradients_[static_cast<std::size_t>(parameters_.entries()[entry].offset)];
  }
  std::vector<float> values() const {
    return {parameters_.values().data(), parameters_.values().data() + parameters_.size()};
  }

  AnyDevice device_ = Cpu{1};
  Parameters parameters_{device_};
  Parameters::Id copy_ = 0;
  std::vector<float> gradients_;
};

TEST_F(OptimizerTest, DecaysMatricesOnly) {
  Optimizer optimizer(parameters_, {.schedule = {.base = 0.1f}, .weight_decay = 0.5f});
  step(optimizer);
  EXPECT_FLOAT_EQ(first(0), 1 - 0.1f * 0.5f);
  EXPECT_EQ(first(1), 1.0f);
  EXPECT_FLOAT_EQ(first(2), 1 - 0.1f * 0.5f);
}

TEST_F(OptimizerTest, TheFirstStepMovesByTheLearningRateAgainstTheSign) {
  Optimizer optimizer(parameters_, {.schedule = {.base = 0.1f}, .clip = 0});
  gradient(0) = 5;
  gradient(1) = -3;
  const OptimizerStep report = step(optimizer);
  EXPECT_NEAR(first(0), 0.9f, 1e-6f);
  EXPECT_NEAR(first(1), 1.1f, 1e-6f);
  EXPECT_EQ(first(2), 1.0f);
  EXPECT_FLOAT_EQ(report.learning_rate, 0.1f);
  EXPECT_NEAR(report.gradient_norm, std::sqrt(34.0), 1e-6);
  EXPECT_EQ(optimizer.steps(), 1);
}

TEST_F(OptimizerTest, ClipsTheGlobalNorm) {
  Optimizer optimizer(parameters_, {.clip = 2.0f});
  gradient(0) = 30;
  gradient(1) = 40;
  EXPECT_NEAR(step(optimizer).gradient_norm, 50, 1e-5);
  // m after one step is (1 - beta1) times the clipped gradient.
  EXPECT_NEAR(optimizer.m().data()[parameters_.entries()[0].offset], 0.1 * 30 * 2 / 50, 1e-6);
  EXPECT_NEAR(optimizer.m().data()[parameters_.entries()[1].offset], 0.1 * 40 * 2 / 50, 1e-6);
}

TEST_F(OptimizerTest, LeavesAShortGradientAsItIs) {
  Optimizer optimizer(parameters_, {.clip = 2.0f});
  gradient(1) = 1;
  step(optimizer);
  EXPECT_NEAR(optimizer.m().data()[parameters_.entries()[1].offset], 0.1, 1e-7);
}

TEST_F(OptimizerTest, AGradientThatIsNotFiniteChangesNothingButTheCount) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Optimizer optimizer(parameters_, {.weight_decay = 0.5f});
    const std::vector<float> before = values();
    gradient(1) = bad;
    EXPECT_FALSE(std::isfinite(step(optimizer).gradient_norm));
    EXPECT_EQ(values(), before);
    EXPECT_EQ(optimizer.m().data()[0], 0);
    EXPECT_EQ(optimizer.v().data()[0], 0);
    EXPECT_EQ(optimizer.steps(), 1);
  }
}

TEST_F(OptimizerTest, RefreshesWhatIsDerived) {
  Optimizer optimizer(parameters_, {.schedule = {.base = 0.1f}});
  gradient(0) = 1;
  step(optimizer);
  EXPECT_LT(first(0), 1.0f);
  EXPECT_EQ(parameters_.derived(copy_).data()[0], first(0));
}

TEST_F(OptimizerTest, GoesOnFromSavedState) {
  const OptimizerOptions options{.schedule = {.base = 0.1f, .warmup = 3, .total = 9}, .weight_decay = 0.1f};
  Optimizer whole(parameters_, options);
  gradient(0) = 1;
  gradient(2) = -2;
  for (int i = 0; i < 4; ++i) step(whole);
  const std::vector<float> saved = values();
  Optimizer resumed(parameters_, options);
  std::copy_n(whole.m().data(), parameters_.size(), resumed.m().data());
  std::copy_n(whole.v().data(), parameters_.size(), resumed.v().data());
  resumed.set_steps(whole.steps());
  step(whole);
  const std::vector<float> expected = values();
  std::ranges::copy(saved, parameters_.values().data());
  EXPECT_EQ(step(resumed).learning_rate, options.schedule.at(5));
  EXPECT_EQ(values(), expected);
}

}  // namespace
}  // namespace polonaise::testing
