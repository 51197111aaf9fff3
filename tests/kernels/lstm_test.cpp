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

// A cell that has counted up through a long piece: tanh and sigmoid far out are their limits, not NaN.
TEST(LstmStep, SaturatesAtAnyMagnitude) {
  Cpu cpu{1};
  const kernels::RecurrentShape shape{1, 1, 11, 1, 1};
  const auto H = static_cast<std::size_t>(shape.H);
  const std::vector<float> zeros(4 * H * H, 0.0f);
  const kernels::RecurrentLayer<const float> layer{
      {}, {zeros.data(), {4 * shape.H, shape.H}}, {zeros.data(), {4 * shape.H}}, {zeros.data(), {4 * shape.H}}};
  std::vector<float> packed(static_cast<std::size_t>(kernels::lstm_packed_size(cpu, shape)));
  const View<float, 1> packed_view(packed.data(), {static_cast<Index>(packed.size())});
  kernels::lstm_pack<float>(cpu, shape, std::span(&layer, 1), packed_view);
  for (const float size : {50.0f, 53.0f, 104.0f, 1000.0f, 1e30f}) {
    std::vector<float> input(4 * H, size), h(H, 0.0f), c(H, -size);
    std::fill_n(input.begin(), H, -size);  // the input gate is shut, forget and output gates are open
    Lstm::step(cpu, shape,
               {.input = {input.data(), {1, 4 * shape.H}},
                .weights = std::span(&layer, 1),
                .packed = packed_view,
                .h = {h.data(), {1, 1, shape.H}},
                .c = {c.data(), {1, 1, shape.H}}});
    for (std::size_t i = 0; i < H; ++i) {
      EXPECT_FLOAT_EQ(h[i], -1.0f) << size;
      EXPECT_FLOAT_EQ(c[i], -size) << size;
    }
  }
}

}  // namespace
}  // namespace polonaise::testing
