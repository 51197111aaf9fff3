#include "kernels/position.h"

#include "kernels/require.h"
#include "tests/kernels/support.h"

namespace polonaise::testing {
namespace {

TEST(Position, SinusoidalTableIsThePapersFormula) {
  constexpr Index T = 50, D = 6;
  Array<float, 2> table({T, D});
  Cpu cpu;
  kernels::sinusoidal_positions<float>(cpu, table.view());
  for (Index t = 0; t < T; ++t)
    for (Index d = 0; d < D; ++d) {
      const double angle = static_cast<double>(t) / std::pow(10000.0, static_cast<double>(d / 2 * 2) / D);
      EXPECT_NEAR(table[t * D + d], d % 2 == 0 ? std::sin(angle) : std::cos(angle), 1e-7) << t << " " << d;
    }
}

TEST(Position, RotaryAnglesStayExactFarPastTheTrainedLength) {
  constexpr Index D = 8, kFirst = 1'000'000;
  Array<float, 2> table({3, D});
  Cpu cpu;
  kernels::rotary_angles<float>(cpu, kFirst, table.view());
  for (Index t = 0; t < 3; ++t)
    for (Index i = 0; i < D / 2; ++i) {
      const double angle = static_cast<double>(kFirst + t) / std::pow(10000.0, 2.0 * static_cast<double>(i) / D);
      EXPECT_NEAR(table[t * D + i], std::cos(angle), 1e-7);
      EXPECT_NEAR(table[t * D + D / 2 + i], std::sin(angle), 1e-7);
    }
}

TEST(Position, ATableStartedLaterContinuesTheOneFromZero) {
  constexpr Index D = 4;
  Array<float, 2> whole({10, D}), tail({3, D});
  Cpu cpu;
  kernels::rotary_angles<float>(cpu, 0, whole.view());
  kernels::rotary_angles<float>(cpu, 7, tail.view());
  for (Index i = 0; i < tail.size(); ++i) EXPECT_EQ(tail[i], whole[7 * D + i]);
}

TEST(Position, OddNumbersOfFeaturesAreRefused) {
  Array<float, 2> table({2, 3});
  Cpu cpu;
  EXPECT_THROW(kernels::sinusoidal_positions<float>(cpu, table.view()), ContractError);
  EXPECT_THROW(kernels::rotary_angles<float>(cpu, 0, table.view()), ContractError);
}

}  // namespace
}  // namespace polonaise::testing
