#include "kernels/gru.h"

#include "kernels/require.h"
#include "tests/kernels/recurrent_tests.h"

namespace polonaise::testing {
namespace {

struct Gru {
  static constexpr Index kGates = 3;
  static constexpr bool kHasC = false;
  static OracleCell oracle() { return gru_oracle(); }
  static Index packed_size(const Cpu& cpu, const kernels::RecurrentShape& s) {
    return kernels::gru_packed_size(cpu, s);
  }
  static Index saved_size(const Cpu& cpu, const kernels::RecurrentShape& s, float dropout) {
    return kernels::gru_saved_size(cpu, s, dropout);
  }
  static Index scratch_size(const Cpu& cpu, const kernels::RecurrentShape& s) {
    return kernels::gru_scratch_size(cpu, s);
  }
  static void pack(Cpu& cpu, const kernels::RecurrentShape& s,
                   std::span<const kernels::RecurrentLayer<const float>> weights, View<float, 1> packed) {
    kernels::gru_pack<float>(cpu, s, weights, packed);
  }
  static void forward(Cpu& cpu, const kernels::RecurrentShape& s, const kernels::RecurrentForward<float>& f) {
    kernels::gru_forward(cpu, s, f);
  }
  static void backward(Cpu& cpu, const kernels::RecurrentShape& s, const kernels::RecurrentBackward<float>& b) {
    kernels::gru_backward(cpu, s, b);
  }
  static void step(Cpu& cpu, const kernels::RecurrentShape& s, const kernels::RecurrentStep<float>& step) {
    kernels::gru_step(cpu, s, step);
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Gru, RecurrentStackTest, Gru);

}  // namespace
}  // namespace polonaise::testing
