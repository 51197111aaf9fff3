#pragma once

// Recurrent stacks of a card at the sizes that models have. The double oracle would take minutes for them, so the CPU's
// kernels are followed instead, which tests of smaller sizes hold to it.

#include "tests/kernels/recurrent_tests.h"

namespace polonaise::testing {

#ifdef POLONAISE_HAS_CUDA
template <class Case>
class RecurrentSizesOfModels : public DeviceTest<typename Case::Target> {
 protected:
  using Family = typename Case::Family;
  using typename DeviceTest<typename Case::Target>::Number;

  static std::vector<StackCase> stack_cases() {
#ifdef POLONAISE_CUDA_EMULATED  // which would take minutes too: that the test itself is right
    // The other has more rows than are resident in a wavefront: it goes layer by layer.
    return cases<StackCase>({{5, 3, 20, 2, 2, true}, { 2, 90, 3, 2, 1 }}, {{ 2, 2, 5, 1, 1 }});
#else
    return {{200, 8, 64, 2, 1, true}, {200, 8, 64, 2, 2},         {200, 8, 128, 2, 1, true}, {200, 8, 256, 2, 1},
            {200, 8, 512, 1, 1},      {200, 8, 1024, 1, 1, true}, {200, 64, 512, 1, 1},      {24, 300, 64, 2, 1}};
#endif
  }
};
TYPED_TEST_SUITE_P(RecurrentSizesOfModels);

TYPED_TEST_P(RecurrentSizesOfModels, ForwardAndGradientsFollowTheCpu) {
  using T = typename TestFixture::Number;
  for (const StackCase& c : TestFixture::stack_cases()) {
    SCOPED_TRACE(::testing::Message() << "T " << c.T << " B " << c.B << " H " << c.H << " layers " << c.layers
                                      << " directions " << c.directions);
    const StackProblem<typename TestFixture::Family, T> problem(c);
    Cpu cpu{8};
    const auto expected = problem.in_float().run(cpu);
    const auto result = problem.run(this->device());
    // Both sides may be wrong by a kernel's tolerance; in bf16 each layer rounds what the next one reads.
    const double limit = std::is_same_v<T, float> ? 2 * kFloatTolerance
                                                  : kTolerance<T> * static_cast<double>(c.layers) + kFloatTolerance;
    EXPECT_LT(relative_error(result.y, to_double(expected.y)), limit);
    EXPECT_LT(relative_error(result.hn, to_double(expected.hn)), limit);
    EXPECT_LT(relative_error(result.dinput, to_double(expected.dinput)), limit);
    for (std::size_t i = 0; i < result.gradients.size(); ++i) {
      const auto &actual = result.gradients[i], &of_cpu = expected.gradients[i];
      EXPECT_LT(relative_error(actual.weight_ih, to_double(of_cpu.weight_ih)), limit);
      EXPECT_LT(relative_error(actual.weight_hh, to_double(of_cpu.weight_hh)), limit);
      EXPECT_LT(relative_error(actual.bias_ih, to_double(of_cpu.bias_ih)), limit);
      EXPECT_LT(relative_error(actual.bias_hh, to_double(of_cpu.bias_hh)), limit);
    }
    EXPECT_TRUE(problem.run(this->device()).has_bits_of(result));
  }
}

// One layer, two directions, one step, more units than a block has, more rows than are resident. Who asks for the
// fastest gets the layers one by one then.
TYPED_TEST_P(RecurrentSizesOfModels, WavefrontsWithoutRoomAreRefused) {
  this->device().set_recurrent_kernels(RecurrentKernels::wavefront);
  const Index blocks = this->device().properties().multiprocessors * 32;  // a multiprocessor's most
  for (const StackCase& c : {StackCase{3, 2, 5, 1, 1}, StackCase{3, 2, 5, 2, 2}, StackCase{1, 2, 5, 2, 1},
                             StackCase{2, 1, 129, 2, 1}, StackCase{2, 8 * blocks, 1, 2, 1}}) {
    const StackProblem<typename TestFixture::Family, typename TestFixture::Number> problem(c);
    EXPECT_THROW(problem.run(this->device()), ContractError) << "T " << c.T << " B " << c.B << " H " << c.H;
  }
}

REGISTER_TYPED_TEST_SUITE_P(RecurrentSizesOfModels, ForwardAndGradientsFollowTheCpu, WavefrontsWithoutRoomAreRefused);

template <class Family>
using OnCards = ::testing::Types<On<Family, OnCuda>, On<Family, OnCudaInBf16>>;
#endif

}  // namespace polonaise::testing
