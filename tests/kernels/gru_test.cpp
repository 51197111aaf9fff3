#include "kernels/base/require.h"
#include "tests/kernels/recurrent_sizes_tests.h"

namespace polonaise::testing {
namespace {

struct Gru : AnyInitialState {
  static constexpr kernels::Cell kCell = kernels::Cell::gru;
  static OracleCell oracle() { return gru_oracle(); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Gru, RecurrentStackTest, OnAllTargets<Gru>, OnTargetNames);
#ifdef POLONAISE_HAS_CUDA
INSTANTIATE_TYPED_TEST_SUITE_P(Gru, RecurrentSizesOfModels, OnCards<Gru>, OnTargetNames);
#endif

}  // namespace
}  // namespace polonaise::testing
