// What the runtime does in bf16 on a card.

#include <gtest/gtest.h>

#include "runtime/ops.h"
#include "runtime/training/parameters.h"
#include "tests/kernels/support.h"

namespace polonaise::testing {
namespace {

class InBf16 : public ::testing::Test {
 protected:
  void SetUp() override {
    const OpenedCuda opened = open_cuda();
    if (!opened.cuda) GTEST_SKIP() << opened.reason;
    card_ = *opened.cuda;
  }

  template <class T>
  std::vector<T> on_host(const Tensor& tensor) const {
    const OnHost<T, 1> host(card_, tensor.vector<const T>());
    return {host.view().data(), host.view().data() + tensor.shape.size()};
  }
  static std::vector<bf16> rounded(const std::vector<float>& values) {
    std::vector<bf16> result;
    for (const float value : values) result.push_back(bf16(value));
    return result;
  }

  AnyDevice card_;
};

TEST_F(InBf16, ParametersHaveCopiesThatFollowAtRefresh) {
  Parameters p(card_, DType::bf16);
  const auto first = p.add("first", {3}, Parameters::Init::constant, 1, Parameters::Kind::edge);
  const auto weight = p.add("weight", {5, 4}, Parameters::Init::uniform, 1, Parameters::Kind::edge);
  const auto twin = p.add_derived(20, [&](AnyDevice& device, View<float, 1> out) {
    convert(device, p.value(weight), {out.data(), {5, 4}, DType::f32}, Accumulate::no);
  });
  p.allocate(1);
  for (int change = 0; change < 2; ++change) {
    const std::vector<float> values = on_host<float>(p.value(weight));
    EXPECT_TRUE(same_bits(on_host<bf16>(p.value(weight, DType::bf16)), rounded(values)));
    EXPECT_TRUE(same_bits(on_host<bf16>(p.derived(twin, {4, 5}, DType::bf16)), rounded(values)));
    const std::vector<float> more(20, 1.0f + 0x1p-20f);  // no bf16
    copy_to_device(card_, p.value(weight).data, more.data(), more.size() * sizeof(float));
    p.refresh();
  }
  EXPECT_EQ(on_host<bf16>(p.value(first, DType::bf16))[2].bits, bf16(1.0f).bits);
}

TEST_F(InBf16, AParameterInBf16HasAGradientInFloat) {
  Parameters p(card_, DType::bf16);
  const auto weight = p.add("weight", {2, 3}, Parameters::Init::uniform, 1, Parameters::Kind::edge);
  p.allocate(1);
  const Buffer slab(card_, static_cast<std::size_t>(p.size()) * sizeof(float));
  Arena arena(card_);
  Tape tape = Tape::training(card_, arena, {}, {slab.as<float>(), {p.size()}});
  const Var w = p.on(tape, weight, DType::bf16);
  EXPECT_EQ(w.dtype(), DType::bf16);
  EXPECT_EQ(tape.slot(w).tensor.dtype, DType::f32);
  EXPECT_EQ(tape.slot(w).tensor.data, slab.data());
}

// y = x weight^T in bf16, then float: the cast's gradient comes back rounded.
TEST_F(InBf16, CastsGoBothWays) {
  Parameters p(card_, DType::bf16);
  const auto weight = p.add("weight", {1, 4}, Parameters::Init::constant, 0.5f, Parameters::Kind::edge);
  p.allocate(1);
  const Buffer slab(card_, static_cast<std::size_t>(p.size()) * sizeof(float));
  Arena arena(card_);
  Tape tape = Tape::training(card_, arena, {}, {slab.as<float>(), {p.size()}});
  const std::vector<float> x{1, 2, 3, 4};
  const Tensor floats{const_cast<float*>(tape.upload<float>(x).data()), {1, 4}, DType::f32};
  const Var y = linear(tape, cast(tape, tape.constant(floats), DType::bf16), p.on(tape, weight, DType::bf16), {});
  EXPECT_EQ(y.dtype(), DType::bf16);
  const Var z = cast(tape, y, DType::f32);
  EXPECT_EQ(on_host<float>(z.value()), std::vector<float>{5});
  EXPECT_EQ(cast(tape, z, DType::f32).value().data, z.value().data);
  const float dz = 1.0f + 0x1p-20f;
  copy_to_device(card_, tape.slot(z).tensor.data, &dz, sizeof dz);
  tape.backward();
  EXPECT_EQ(on_host<float>({slab.data(), {4}, DType::f32}), x);
}

}  // namespace
}  // namespace polonaise::testing
