#include "kernels/base/require.h"
#include "tests/kernels/recurrent_sizes_tests.h"

namespace polonaise::testing {
namespace {

struct Lstm : AnyInitialState {
  static constexpr kernels::Cell kCell = kernels::Cell::lstm;
  static OracleCell oracle() { return lstm_oracle(); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Lstm, RecurrentStackTest, OnAllTargets<Lstm>, OnTargetNames);
#ifdef POLONAISE_HAS_CUDA
INSTANTIATE_TYPED_TEST_SUITE_P(Lstm, RecurrentSizesOfModels, OnCards<Lstm>, OnTargetNames);
#endif

template <class Target>
class LstmStep : public DeviceTest<Target> {};
TYPED_TEST_SUITE(LstmStep, AllTargets, TargetNames);

// A cell that has counted up through a long piece: tanh and sigmoid far out are their limits, not NaN.
TYPED_TEST(LstmStep, SaturatesAtAnyMagnitude) {
  using T = typename TestFixture::Number;
  const RecurrentShape shape{1, 1, 11, 1, 1};
  const Index H = shape.H;
  const auto zeros = this->place(Array<T, 2>({4 * H, H}, T(0.0f)));
  const View<const T, 1> bias(zeros.view().data(), {4 * H});
  const RecurrentLayer<const T> layer{{}, zeros.view(), bias, bias};
  auto packed = this->place(Array<float, 1>({kernels::recurrent_packed_size(this->device(), shape)}));
  kernels::recurrent_pack<T>(this->device(), shape, std::span(&layer, 1), packed.view());
  for (const float size : {50.0f, 53.0f, 104.0f, 1000.0f, 1e30f}) {
    Array<T, 2> input({1, 4 * H}, T(size));                         // forget and output gates are open
    for (Index unit = 0; unit < H; ++unit) input[unit] = T(-size);  // the input gate is shut
    const auto x = this->place(input);
    auto h = this->place(Array<T, 3>({1, 1, H}, T(0.0f))), c = this->place(Array<T, 3>({1, 1, H}, T(-size)));
    kernels::recurrent_step<T>(
        this->device(), shape,
        {.input = x.view(), .weights = std::span(&layer, 1), .packed = packed.view(), .h = h.view(), .c = c.view()});
    const Array<T, 3> next_h = fetch(h), next_c = fetch(c);
    for (Index unit = 0; unit < H; ++unit) {
      EXPECT_FLOAT_EQ(static_cast<float>(next_h[unit]), -1.0f) << size;
      EXPECT_FLOAT_EQ(static_cast<float>(next_c[unit]), static_cast<float>(T(-size))) << size;
    }
  }
}

}  // namespace
}  // namespace polonaise::testing
