#include "runtime/training/training.h"

#include <cstdlib>
#include <limits>

#include "runtime/ops.h"
#include "tests/kernels/support.h"
#include "tests/runtime/devices.h"

namespace polonaise::testing {
namespace {

constexpr Index kInputs = 4, kClasses = 3;

// Rows of numbers and the class of each.
struct Examples {
  std::vector<float> x;
  std::vector<std::int32_t> targets;

  Index rows() const { return static_cast<Index>(targets.size()); }
};

Examples examples(Index rows, std::uint64_t seed) {
  Examples e{random_array<2>({rows, kInputs}, seed).values(), {}};
  for (Index r = 0; r < rows; ++r)
    e.targets.push_back(static_cast<std::int32_t>((seed + static_cast<std::uint64_t>(r)) % kClasses));
  return e;
}

// A linear classifier with dropout on its input.
class Classifier {
 public:
  explicit Classifier(AnyDevice device) : device_(std::move(device)) {
    weight_ = parameters_.add("weight", {kClasses, kInputs}, Parameters::Init::uniform, 0.5f, Parameters::Kind::edge);
    parameters_.allocate(1);
    optimizer_.emplace(parameters_, OptimizerOptions{.schedule = {.base = 1e-2f, .warmup = 4}, .clip = 0.5f});
    training_.emplace(parameters_, *optimizer_, 7);
  }

  // One step on these batches.
  void step(const std::vector<Examples>& batches) {
    std::vector<Shards::Work> work;
    Index targets = 0;
    for (const Examples& batch : batches) {
      targets += batch.rows();
      work.push_back({batch.rows(), [&](Tape& tape, Shards::Rows rows) { return prepare(tape, batch, rows); }});
    }
    training_->step(work, targets);
  }

  Training& training() { return *training_; }
  Optimizer& optimizer() { return *optimizer_; }
  std::vector<float> values(View<const float, 1> view) const {
    const OnHost<float, 1> host(device_, view);
    return {host.view().data(), host.view().data() + view.size()};
  }
  std::vector<float> weights() const { return values(parameters_.values()); }
  void restore(const std::vector<float>& weights, const std::vector<float>& m, const std::vector<float>& v,
               long steps) {
    const auto put = [&](View<float, 1> to, const std::vector<float>& from) {
      copy_to_device(device_, to.data(), from.data(), from.size() * sizeof(float));
    };
    put(parameters_.values(), weights);
    put(optimizer_->m(), m);
    put(optimizer_->v(), v);
    optimizer_->set_steps(steps);
  }

 private:
  Shards::Prepared prepare(Tape& tape, const Examples& batch, Shards::Rows rows) const {
    const auto first = static_cast<std::size_t>(rows.first), count = static_cast<std::size_t>(rows.count);
    const View<const float, 1> x = tape.upload(std::span(batch.x).subspan(first * kInputs, count * kInputs));
    const View<const std::int32_t, 1> targets = tape.upload(std::span(batch.targets).subspan(first, count));
    const Tensor input{const_cast<float*>(x.data()), {1, rows.count, kInputs}, DType::f32};
    const auto forward = [this, input, targets](Tape& t) {
      const Var dropped = dropout(t, t.constant(input), 0.25f, Layout::time_major);
      const Var logits = linear(t, dropped, parameters_.on(t, weight_), {});
      return TargetLossViews{token_loss(t, logits, targets), {}};
    };
    return {forward, {x, targets}};
  }

  AnyDevice device_;
  Parameters parameters_{device_};
  Parameters::Id weight_ = 0;
  std::optional<Optimizer> optimizer_;
  std::optional<Training> training_;
};

class TrainingOn : public OnEachDevice {
 protected:
  bool on_a_card() const { return !shares_host_memory(device_); }
};

TEST_P(TrainingOn, ReportsEveryStepInOrderHoweverManyAreUnderWay) {
  Classifier classifier(device_);
  const Examples batch = examples(20, 1);
  constexpr long kSteps = 70;  // more than there is room for at once
  for (long step = 1; step <= kSteps; ++step) classifier.step({batch});
  const std::vector<Training::Report> reports = classifier.training().reports();
  ASSERT_EQ(reports.size(), static_cast<std::size_t>(kSteps));
  for (long i = 0; i < kSteps; ++i) {
    const Training::Report& report = reports[static_cast<std::size_t>(i)];
    EXPECT_EQ(report.step, i + 1);
    EXPECT_EQ(report.targets, 20);
    EXPECT_EQ(report.learning_rate, (Schedule{.base = 1e-2f, .warmup = 4}.at(i + 1)));
    EXPECT_TRUE(report.finite());
    EXPECT_GT(report.gradient_norm, 0);
  }
  EXPECT_LT(reports.back().loss.main, 0.95 * reports.front().loss.main);
  EXPECT_TRUE(classifier.training().reports().empty());
  // The second step's batch takes memory too, which forgets the first; then each of both places comes twice.
  EXPECT_EQ(classifier.training().replays(), on_a_card() ? static_cast<std::size_t>(kSteps - 5) : 0);
}

TEST_P(TrainingOn, DropsOtherElementsAtEachStep) {
  Classifier classifier(device_);
  const Examples batch = examples(6, 1);
  const std::vector<float> weights = classifier.weights(), zeros(weights.size());
  std::vector<double> losses;
  for (const long steps : {1, 2, 3, 4, 2}) {
    classifier.restore(weights, zeros, zeros, steps);
    classifier.step({batch});
    losses.push_back(classifier.training().reports().front().loss.main);
  }
  for (std::size_t i = 1; i < 4; ++i) EXPECT_NE(losses[i], losses[i - 1]) << i;
  EXPECT_EQ(losses[4], losses[1]);
}

TEST_P(TrainingOn, BatchesOfAStepAreRowsOfOne) {
  const Examples both = examples(16, 1);
  const Examples upper{{both.x.begin(), both.x.begin() + 8 * kInputs},
                       {both.targets.begin(), both.targets.begin() + 8}};
  const Examples lower{{both.x.begin() + 8 * kInputs, both.x.end()}, {both.targets.begin() + 8, both.targets.end()}};
  Classifier whole(device_), halves(device_);
  for (int step = 0; step < 4; ++step) {
    whole.step({both});
    halves.step({upper, lower});
    const Training::Report expected = whole.training().reports().front(), report = halves.training().reports().front();
    EXPECT_NEAR(report.loss.main, expected.loss.main, 1e-5 * expected.loss.main);
    EXPECT_NEAR(report.gradient_norm, expected.gradient_norm, 1e-4 * expected.gradient_norm);
    EXPECT_EQ(report.targets, 16);
  }
  EXPECT_LT(relative_error(halves.weights(), to_double(whole.weights())), 1e-4);
}

TEST_P(TrainingOn, AStepThatIsNotFiniteChangesNothingAndIsReported) {
  Classifier classifier(device_);
  const Examples good = examples(6, 1);
  Examples bad = good;
  bad.x[5] = std::numeric_limits<float>::infinity();
  for (int step = 0; step < 3; ++step) classifier.step({good});
  const std::vector<float> before = classifier.weights(), m = classifier.values(classifier.optimizer().m());
  classifier.step({bad});
  EXPECT_EQ(classifier.weights(), before);
  EXPECT_EQ(classifier.values(classifier.optimizer().m()), m);
  classifier.step({good});
  EXPECT_NE(classifier.weights(), before);
  const std::vector<Training::Report> reports = classifier.training().reports();
  ASSERT_EQ(reports.size(), 5u);
  for (const Training::Report& report : reports) EXPECT_EQ(report.finite(), report.step != 4) << report.step;
}

TEST_P(TrainingOn, GoesOnFromSavedStateToTheBit) {
  Classifier whole(device_), resumed(device_);
  for (std::uint64_t step = 1; step <= 4; ++step) whole.step({examples(9, step)});
  resumed.restore(whole.weights(), whole.values(whole.optimizer().m()), whole.values(whole.optimizer().v()), 4);
  for (std::uint64_t step = 5; step <= 8; ++step) {
    whole.step({examples(9, step)});
    resumed.step({examples(9, step)});
  }
  EXPECT_TRUE(same_bits(resumed.weights(), whole.weights()));
}

INSTANTIATE_TEST_SUITE_P(Devices, TrainingOn, ::testing::ValuesIn(device_names()), device_name);

}  // namespace
}  // namespace polonaise::testing
