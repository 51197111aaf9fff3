#include "kernels/lstm.h"

#include "kernels/require.h"
#include "tests/kernels/recurrent_tests.h"

namespace polonaise::testing {
namespace {

struct Lstm {
  static constexpr Index kGates = 4;
  static constexpr bool kHasC = true;
  static OracleCell oracle() { return lstm_oracle(); }
  static Index packed_size(const Cpu& cpu, const kernels::RecurrentShape& s) {
    return kernels::lstm_packed_size(cpu, s);
  }
  static Index saved_size(const Cpu& cpu, const kernels::RecurrentShape& s, float dropout) {
    return kernels::lstm_saved_size(cpu, s, dropout);
  }
  static Index scratch_size(const Cpu& cpu, const kernels::RecurrentShape& s) {
    return kernels::lstm_scratch_size(cpu, s);
  }
  static void pack(Cpu& cpu, const kernels::RecurrentShape& s,
                   std::span<const kernels::RecurrentLayer<const float>> weights, View<float, 1> packed) {
    kernels::lstm_pack<float>(cpu, s, weights, packed);
  }
  static void forward(Cpu& cpu, const kernels::RecurrentShape& s, const kernels::RecurrentForward<float>& f) {
    kernels::lstm_forward(cpu, s, f);
  }
  static void backward(Cpu& cpu, const kernels::RecurrentShape& s, const kernels::RecurrentBackward<float>& b) {
    kernels::lstm_backward(cpu, s, b);
  }
  static void step(Cpu& cpu, const kernels::RecurrentShape& s, const kernels::RecurrentStep<float>& step) {
    kernels::lstm_step(cpu, s, step);
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Lstm, RecurrentStackTest, Lstm);

}  // namespace
}  // namespace polonaise::testing
