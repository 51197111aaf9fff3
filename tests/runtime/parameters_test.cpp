#include "runtime/training/parameters.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/base/require.h"

namespace polonaise::testing {
namespace {

using Init = Parameters::Init;

class ParametersTest : public ::testing::Test {
 protected:
  static std::vector<float> values(const Parameters& parameters, Parameters::Id id) {
    const View<const float, 1> view = parameters.value(id).vector<const float>();
    return {view.data(), view.data() + view.size()};
  }
  AnyDevice device_ = Cpu{1};
};

TEST_F(ParametersTest, LieInTheOrderAddedEachOnACacheLine) {
  Parameters p(device_);
  p.add("a", {3, 5}, Init::uniform, 1, Parameters::Kind::edge);
  p.add("b", {1}, Init::constant, 2, Parameters::Kind::vector);
  p.add("c", {16}, Init::normal, 1, Parameters::Kind::vector);
  p.allocate(1);
  ASSERT_EQ(p.entries().size(), 3u);
  Index end = 0;
  for (const Parameters::Entry& entry : p.entries()) {
    EXPECT_GE(entry.offset, end);
    EXPECT_EQ(entry.offset % 16, 0);
    end = entry.offset + entry.shape.size();
  }
  EXPECT_GE(p.size(), end);
  EXPECT_EQ(p.entries()[1].name, "b");
  EXPECT_EQ(p.values().data()[p.entries()[1].offset], 2);
}

TEST_F(ParametersTest, GapsAreZeroSoThatNormsMayRunOverTheWholeSlab) {
  Parameters p(device_);
  p.add("a", {3, 5}, Init::constant, 1, Parameters::Kind::edge);
  p.add("b", {1}, Init::constant, 1, Parameters::Kind::vector);
  p.allocate(1);
  float sum = 0;
  for (Index i = 0; i < p.size(); ++i) sum += p.values().data()[i];
  EXPECT_EQ(sum, 16);
}

TEST_F(ParametersTest, InitialValuesDependOnTheSeedAndTheNameAlone) {
  Parameters alone(device_), after_another(device_), other_seed(device_);
  const auto a = alone.add("core.weight", {4, 4}, Init::uniform, 1, Parameters::Kind::edge);
  alone.allocate(1);
  after_another.add("embedding.weight", {7, 3}, Init::normal, 1, Parameters::Kind::edge);
  const auto b = after_another.add("core.weight", {4, 4}, Init::uniform, 1, Parameters::Kind::edge);
  const auto twin = after_another.add("core.weight_too", {4, 4}, Init::uniform, 1, Parameters::Kind::edge);
  after_another.allocate(1);
  const auto c = other_seed.add("core.weight", {4, 4}, Init::uniform, 1, Parameters::Kind::edge);
  other_seed.allocate(2);
  EXPECT_EQ(values(alone, a), values(after_another, b));
  EXPECT_NE(values(alone, a), values(other_seed, c));
  EXPECT_NE(values(after_another, b), values(after_another, twin));
}

TEST_F(ParametersTest, InitialValuesHaveTheirDistribution) {
  Parameters p(device_);
  const auto uniform = p.add("uniform", {100, 100}, Init::uniform, 0.5f, Parameters::Kind::edge);
  const auto normal = p.add("normal", {100, 100}, Init::normal, 0.5f, Parameters::Kind::edge);
  const auto constant = p.add("constant", {10}, Init::constant, 0.5f, Parameters::Kind::edge);
  p.allocate(1);
  const auto mean_and_deviation = [](const std::vector<float>& x) {
    double sum = 0, squares = 0;
    for (const double v : x) sum += v, squares += v * v;
    const auto n = static_cast<double>(x.size());
    return std::pair(sum / n, std::sqrt(squares / n - sum * sum / n / n));
  };
  const auto [uniform_mean, uniform_deviation] = mean_and_deviation(values(p, uniform));
  const auto [normal_mean, normal_deviation] = mean_and_deviation(values(p, normal));
  EXPECT_NEAR(uniform_mean, 0, 0.02);
  EXPECT_NEAR(uniform_deviation, 0.5 / std::sqrt(3.0), 0.01);
  EXPECT_NEAR(normal_mean, 0, 0.02);
  EXPECT_NEAR(normal_deviation, 0.5, 0.02);
  for (const float v : values(p, uniform)) EXPECT_LE(std::abs(v), 0.5f);
  for (const float v : values(p, constant)) EXPECT_EQ(v, 0.5f);
}

TEST_F(ParametersTest, DerivedCopiesFollowAtRefresh) {
  Parameters p(device_);
  const auto weight = p.add("weight", {20}, Init::uniform, 1, Parameters::Kind::edge);
  const auto twice = p.add_derived(20, [&](AnyDevice&, View<float, 1> out) {
    for (Index i = 0; i < 20; ++i) out.data()[i] = 2 * p.values().data()[i];
  });
  const auto sum = p.add_derived(1, [&](AnyDevice&, View<float, 1> out) {
    *out.data() = 0;
    for (Index i = 0; i < 20; ++i) *out.data() += p.value(weight).vector<const float>().data()[i];
  });
  p.allocate(1);
  EXPECT_EQ(p.derived(twice).data()[19], 2 * p.values().data()[19]);
  for (Index i = 0; i < 20; ++i) p.values().data()[i] = 3;
  p.refresh();
  EXPECT_EQ(p.derived(twice).data()[19], 6);
  EXPECT_EQ(*p.derived(sum).data(), 60);
}

TEST_F(ParametersTest, TablesAreFilledOnce) {
  Parameters p(device_);
  p.add("weight", {2}, Init::constant, 1, Parameters::Kind::edge);
  int filled = 0;
  const auto table =
      p.add_table(3, [&](AnyDevice&, View<float, 1> out) { out.data()[2] = static_cast<float>(++filled); });
  p.allocate(1);
  p.refresh();
  EXPECT_EQ(filled, 1);
  EXPECT_EQ(p.derived(table).data()[2], 1);
}

TEST_F(ParametersTest, OnATapeTheyBringTheirPlaceInTheGradientSlab) {
  Parameters p(device_);
  p.add("a", {3}, Init::constant, 1, Parameters::Kind::edge);
  const auto b = p.add("b", {4, 2}, Init::constant, 1, Parameters::Kind::edge);
  p.allocate(1);
  std::vector<float> slab(static_cast<std::size_t>(p.size()));
  const View<float, 1> gradients(slab.data(), {p.size()});
  Arena arena(device_);
  Tape tape = Tape::training(device_, arena, {}, gradients);
  const Var whole = p.on(tape, b);
  EXPECT_EQ(whole.shape(), Shape({4, 2}));
  EXPECT_EQ(tape.slot(whole).tensor.data, slab.data() + p.entries()[b].offset);
  const Var rows = p.rows_on(tape, b, 3);
  EXPECT_EQ(rows.shape(), Shape({3, 2}));
  EXPECT_EQ(tape.slot(rows).tensor.shape, Shape({3, 2}));
  Tape without = Tape::training(device_, arena, {});
  EXPECT_FALSE(p.on(without, b).needs_gradient());
  EXPECT_THROW(p.rows_on(tape, b, 5), ContractError);
}

TEST_F(ParametersTest, TheTableEndsWithAllocate) {
  Parameters p(device_);
  p.add("a", {3}, Init::constant, 1, Parameters::Kind::edge);
  p.allocate(1);
  EXPECT_THROW(p.add("b", {3}, Init::constant, 1, Parameters::Kind::edge), ContractError);
  EXPECT_THROW(p.add_derived(3, [](AnyDevice&, View<float, 1>) {}), ContractError);
}

}  // namespace
}  // namespace polonaise::testing
