#include "kernels/rnn.h"

#include "kernels/require.h"
#include "tests/kernels/recurrent_tests.h"

namespace polonaise::testing {
namespace {

struct Rnn {
  static constexpr Index kGates = 1;
  static constexpr bool kHasC = false;
  static OracleCell oracle() { return rnn_oracle(); }
  static Index packed_size(const Cpu& cpu, const kernels::RecurrentShape& s) {
    return kernels::rnn_packed_size(cpu, s);
  }
  static Index saved_size(const Cpu& cpu, const kernels::RecurrentShape& s, float dropout) {
    return kernels::rnn_saved_size(cpu, s, dropout);
  }
  static Index scratch_size(const Cpu& cpu, const kernels::RecurrentShape& s) {
    return kernels::rnn_scratch_size(cpu, s);
  }
  static void pack(Cpu& cpu, const kernels::RecurrentShape& s,
                   std::span<const kernels::RecurrentLayer<const float>> weights, View<float, 1> packed) {
    kernels::rnn_pack<float>(cpu, s, weights, packed);
  }
  static void forward(Cpu& cpu, const kernels::RecurrentShape& s, const kernels::RecurrentForward<float>& f) {
    kernels::rnn_forward(cpu, s, f);
  }
  static void backward(Cpu& cpu, const kernels::RecurrentShape& s, const kernels::RecurrentBackward<float>& b) {
    kernels::rnn_backward(cpu, s, b);
  }
  static void step(Cpu& cpu, const kernels::RecurrentShape& s, const kernels::RecurrentStep<float>& step) {
    kernels::rnn_step(cpu, s, step);
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Rnn, RecurrentStackTest, Rnn);

}  // namespace
}  // namespace polonaise::testing
