#include "runtime/training/muon_steps.h"

#include "runtime/training/optimizer.h"
#include "tests/kernels/support.h"
#include "tests/runtime/devices.h"
#include "tests/runtime/steps.h"

namespace polonaise::testing {
namespace {

using Init = Parameters::Init;
using Kind = Parameters::Kind;

class MuonOn : public OnEachDevice {
 protected:
  std::vector<float> on_host(View<const float, 1> view) const {
    const OnHost<float, 1> host(device_, view);
    return {host.view().data(), host.view().data() + view.size()};
  }
  void put(View<float, 1> to, const std::vector<float>& from) {
    copy_to_device(device_, to.data(), from.data(), from.size() * sizeof(float));
  }
};

// The rounds in double, each as its formula stands: X = a X + b (X X^T) X + c (X X^T)^2 X.
std::vector<double> newton_schulz(std::vector<double> x, Index rows, Index columns) {
  double squares = 0;
  for (const double value : x) squares += value * value;
  for (double& value : x) value /= std::sqrt(squares);
  const auto at = [columns](std::vector<double>& m, Index r, Index c) -> double& {
    return m[static_cast<std::size_t>(r * columns + c)];
  };
  const auto times_gram = [&](std::vector<double>& m) {  // (X X^T) M
    std::vector<double> result(m.size());
    for (Index r = 0; r < rows; ++r)
      for (Index k = 0; k < rows; ++k) {
        double gram = 0;
        for (Index c = 0; c < columns; ++c) gram += at(x, r, c) * at(x, k, c);
        for (Index c = 0; c < columns; ++c) at(result, r, c) += gram * at(m, k, c);
      }
    return result;
  };
  for (int round = 0; round < 5; ++round) {
    std::vector<double> once = times_gram(x), twice = times_gram(once);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 3.4445 * x[i] - 4.7750 * once[i] + 2.0315 * twice[i];
  }
  return x;
}

TEST_P(MuonOn, ADirectionIsThatOfTheRoundsInDouble) {
  for (const auto& [rows, columns] : {std::pair<Index, Index>{1, 1}, {3, 5}, {12, 4}, {32, 32}, {48, 16}, {7, 33}}) {
    Parameters parameters(device_);
    parameters.add("m", {rows, columns}, Init::uniform, 1, Kind::hidden);
    parameters.allocate(3);
    MuonSteps muon(parameters);
    const View<float, 1> values(parameters.values().data(), {rows * columns});
    const std::vector<double> expected = newton_schulz(to_double(on_host(values)), rows, columns);
    const std::vector<float> found = on_host(muon.orthogonalized({values.data(), {rows, columns}}));
    EXPECT_LT(relative_error(found, expected), 1e-4) << rows << " x " << columns;
  }
}

// Along its own singular vectors a matrix of full rank is stretched or shrunk to nearly 1: M^T M is nearly the unit.
TEST_P(MuonOn, ADirectionIsNearlyOrthogonal) {
  constexpr Index kRows = 64, kColumns = 16;
  Parameters parameters(device_);
  parameters.add("m", {kRows, kColumns}, Init::normal, 100, Kind::hidden);
  parameters.allocate(1);
  MuonSteps muon(parameters);
  const std::vector<float> x = on_host(muon.orthogonalized({parameters.values().data(), {kRows, kColumns}}));
  double trace = 0, squares = 0;  // sums of the eigenvalues of the Gram matrix, and of their squares
  for (Index a = 0; a < kColumns; ++a)
    for (Index b = 0; b < kColumns; ++b) {
      double dot = 0;
      for (Index r = 0; r < kRows; ++r)
        dot += static_cast<double>(x[static_cast<std::size_t>(r * kColumns + a)]) *
               static_cast<double>(x[static_cast<std::size_t>(r * kColumns + b)]);
      if (a == b) trace += dot;
      squares += dot * dot;
    }
  const double mean = trace / kColumns, deviation = std::sqrt(squares / kColumns - mean * mean);
  EXPECT_NEAR(mean, 0.9, 0.25);
  EXPECT_LT(deviation, 0.35);
}

TEST_P(MuonOn, NothingHasNoDirection) {
  Parameters parameters(device_);
  parameters.add("m", {4, 6}, Init::constant, 0, Kind::hidden);
  parameters.allocate(1);
  MuonSteps muon(parameters);
  EXPECT_EQ(on_host(muon.orthogonalized({parameters.values().data(), {4, 6}})), std::vector<float>(24));
}

// A model of two matrices and a bias, of which Muon moves one.
class MuonOptimizerOn : public MuonOn {
 protected:
  void SetUp() override {
    MuonOn::SetUp();
    if (IsSkipped()) return;
    parameters_.emplace(device_);
    parameters_->add("edge", {6, 5}, Init::uniform, 1, Kind::edge);
    parameters_->add("hidden", {8, 2}, Init::uniform, 1, Kind::hidden);
    parameters_->add("bias", {6}, Init::uniform, 1, Kind::vector);
    parameters_->allocate(1);
    gradients_ = Buffer(device_, static_cast<std::size_t>(parameters_->size()) * sizeof(float));
    put(gradients(), random_array<1>({parameters_->size()}, 5).values());
  }
  View<float, 1> gradients() const { return {gradients_.as<float>(), {parameters_->size()}}; }
  OptimizerStep step(Optimizer& optimizer) { return take_step(optimizer, device_, gradients()); }
  OptimizerStep step(Optimizer&& optimizer) { return step(optimizer); }
  std::vector<float> values() const { return on_host(parameters_->values()); }
  std::vector<float> part(const std::vector<float>& slab, std::size_t entry) const {
    const Parameters::Entry& e = parameters_->entries()[entry];
    return {slab.begin() + e.offset, slab.begin() + e.offset + e.shape.size()};
  }

  std::optional<Parameters> parameters_;
  Buffer gradients_;
  const OptimizerOptions options_{.schedule = {.base = 0.01f, .warmup = 2, .total = 8},
                                  .rule = Rule::muon,
                                  .muon_rate = 0.05f,
                                  .weight_decay = 0.1f};
};

TEST_P(MuonOptimizerOn, MovesHiddenMatricesAloneAndTheRestGoesByAdamW) {
  const std::vector<float> start = values();
  OptimizerOptions adamw = options_;
  adamw.rule = Rule::adamw;
  step(Optimizer(*parameters_, adamw));
  const std::vector<float> by_adamw = values();
  put(parameters_->values(), start);
  step(Optimizer(*parameters_, options_));
  const std::vector<float> by_muon = values();
  EXPECT_EQ(part(by_muon, 0), part(by_adamw, 0));
  EXPECT_EQ(part(by_muon, 2), part(by_adamw, 2));
  // One step of half of the rate, on a warm-up of two; a tall matrix goes twice as far: sqrt(8 / 2).
  const double rate = 0.5 * 0.05;
  const std::vector<double> direction = newton_schulz(to_double(part(on_host(gradients()), 1)), 8, 2);
  std::vector<double> expected = to_double(part(start, 1));
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] -= rate * (0.1 * expected[i] + 2 * direction[i]);
  EXPECT_LT(relative_error(part(by_muon, 1), expected), 1e-4);
}

TEST_P(MuonOptimizerOn, GoesOnFromSavedStateToTheBit) {
  Optimizer whole(*parameters_, options_);
  for (int i = 0; i < 3; ++i) step(whole);
  const std::vector<float> saved = values(), m = on_host(whole.m()), v = on_host(whole.v());
  step(whole);
  const std::vector<float> expected = values();
  put(parameters_->values(), saved);
  Optimizer resumed(*parameters_, options_);
  put(resumed.m(), m);
  put(resumed.v(), v);
  resumed.set_steps(3);
  step(resumed);
  EXPECT_TRUE(same_bits(values(), expected));
}

TEST_P(MuonOptimizerOn, AGradientThatIsNotFiniteChangesNothing) {
  Optimizer optimizer(*parameters_, options_);
  step(optimizer);
  const std::vector<float> before = values(), m = on_host(optimizer.m()), good = on_host(gradients());
  std::vector<float> bad = good;
  bad[static_cast<std::size_t>(parameters_->entries()[1].offset)] = NAN;
  put(gradients(), bad);
  EXPECT_FALSE(std::isfinite(step(optimizer).gradient_norm));
  EXPECT_EQ(values(), before);
  EXPECT_EQ(on_host(optimizer.m()), m);
  put(gradients(), good);
  step(optimizer);
  for (const float value : values()) EXPECT_TRUE(std::isfinite(value));
}

INSTANTIATE_TEST_SUITE_P(Devices, MuonOn, ::testing::ValuesIn(device_names()), device_name);
INSTANTIATE_TEST_SUITE_P(Devices, MuonOptimizerOn, ::testing::ValuesIn(device_names()), device_name);

}  // namespace
}  // namespace polonaise::testing
