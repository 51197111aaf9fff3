#include "kernels/rnn.h"

#include "kernels/require.h"
#include "tests/kernels/recurrent_sizes_tests.h"

namespace polonaise::testing {
namespace {

struct Rnn {
  static constexpr Index kGates = 1;
  static constexpr bool kHasC = false;
  static OracleCell oracle() { return rnn_oracle(); }
  static Index packed_size(const auto& device, const RecurrentShape& s) { return kernels::rnn_packed_size(device, s); }
  static Index saved_size(const auto& device, const RecurrentShape& s, float dropout) {
    return kernels::rnn_saved_size(device, s, dropout);
  }
  static Index scratch_size(const auto& device, const RecurrentShape& s) {
    return kernels::rnn_scratch_size(device, s);
  }
  template <class T>
  static void pack(auto& device, const RecurrentShape& s, std::span<const RecurrentLayer<const T>> weights,
                   View<float, 1> packed) {
    kernels::rnn_pack<T>(device, s, weights, packed);
  }
  template <class T>
  static void forward(auto& device, const RecurrentShape& s, const kernels::RecurrentForward<T>& f) {
    kernels::rnn_forward<T>(device, s, f);
  }
  template <class T>
  static void backward(auto& device, const RecurrentShape& s, const kernels::RecurrentBackward<T>& b) {
    kernels::rnn_backward<T>(device, s, b);
  }
  template <class T>
  static void step(auto& device, const RecurrentShape& s, const kernels::RecurrentStep<T>& step) {
    kernels::rnn_step<T>(device, s, step);
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Rnn, RecurrentStackTest, OnAllTargets<Rnn>, OnTargetNames);
#ifdef POLONAISE_HAS_CUDA
INSTANTIATE_TYPED_TEST_SUITE_P(Rnn, RecurrentSizesOfModels, OnCards<Rnn>, OnTargetNames);
#endif

}  // namespace
}  // namespace polonaise::testing
