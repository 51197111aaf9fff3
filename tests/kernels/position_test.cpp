#include "kernels/position/position.h"

#include "kernels/base/require.h"
#include "tests/kernels/devices.h"

namespace polonaise::testing {
namespace {

template <class Target>
class Position : public DeviceTest<Target> {};
TYPED_TEST_SUITE(Position, AllTargets, TargetNames);

// What one sine or cosine may be off: rounded to float, or to bf16.
template <class T>
constexpr double kRounding = 1e-7;
template <>
constexpr double kRounding<bf16> = 1.0 / 256;

TYPED_TEST(Position, SinusoidalTableIsThePapersFormula) {
  using T = typename TestFixture::Number;
  constexpr Index kPositions = 50, D = 6;
  auto table = this->place(Array<T, 2>({kPositions, D}));
  kernels::sinusoidal_positions<T>(this->device(), table.view());
  const auto values = fetch(table);
  for (Index t = 0; t < kPositions; ++t)
    for (Index d = 0; d < D; ++d) {
      const double angle = static_cast<double>(t) / std::pow(10000.0, static_cast<double>(d / 2 * 2) / D);
      EXPECT_NEAR(to_double(values[t * D + d]), d % 2 == 0 ? std::sin(angle) : std::cos(angle), kRounding<T>)
          << t << " " << d;
    }
}

TYPED_TEST(Position, RotaryAnglesStayExactFarPastTheTrainedLength) {
  using T = typename TestFixture::Number;
  constexpr Index D = 8, kFirst = 1'000'000;
  auto table = this->place(Array<T, 2>({3, D}));
  kernels::rotary_angles<T>(this->device(), kFirst, table.view());
  const auto values = fetch(table);
  for (Index t = 0; t < 3; ++t)
    for (Index i = 0; i < D / 2; ++i) {
      const double angle = static_cast<double>(kFirst + t) / std::pow(10000.0, 2.0 * static_cast<double>(i) / D);
      EXPECT_NEAR(to_double(values[t * D + i]), std::cos(angle), kRounding<T>);
      EXPECT_NEAR(to_double(values[t * D + D / 2 + i]), std::sin(angle), kRounding<T>);
    }
}

TYPED_TEST(Position, ATableStartedLaterContinuesTheOneFromZero) {
  using T = typename TestFixture::Number;
  constexpr Index D = 4;
  auto whole = this->place(Array<T, 2>({10, D})), tail = this->place(Array<T, 2>({3, D}));
  kernels::rotary_angles<T>(this->device(), 0, whole.view());
  kernels::rotary_angles<T>(this->device(), 7, tail.view());
  const auto all = to_double(fetch(whole).values());
  const std::vector<double> expected(all.begin() + 7 * D, all.end());
  EXPECT_EQ(to_double(fetch(tail).values()), expected);
  const auto seven = this->place(Array<std::int32_t, 1>({1}, 7));
  auto found = this->place(Array<T, 2>({3, D}));
  kernels::rotary_angles<T>(this->device(), kernels::Position::found_at(seven.view().data()), found.view());
  EXPECT_EQ(to_double(fetch(found).values()), expected);
}

TYPED_TEST(Position, OddNumbersOfFeaturesAreRefused) {
  using T = typename TestFixture::Number;
  auto table = this->place(Array<T, 2>({2, 3}));
  EXPECT_THROW(kernels::sinusoidal_positions<T>(this->device(), table.view()), ContractError);
  EXPECT_THROW(kernels::rotary_angles<T>(this->device(), 0, table.view()), ContractError);
}

}  // namespace
}  // namespace polonaise::testing
