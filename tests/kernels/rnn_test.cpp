#include "kernels/base/require.h"
#include "tests/kernels/recurrent_sizes_tests.h"

namespace polonaise::testing {
namespace {

struct Rnn : AnyInitialState {
  static constexpr kernels::Cell kCell = kernels::Cell::rnn;
  static OracleCell oracle() { return rnn_oracle(); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Rnn, RecurrentStackTest, OnAllTargets<Rnn>, OnTargetNames);
#ifdef POLONAISE_HAS_CUDA
INSTANTIATE_TYPED_TEST_SUITE_P(Rnn, RecurrentSizesOfModels, OnCards<Rnn>, OnTargetNames);
#endif

}  // namespace
}  // namespace polonaise::testing
