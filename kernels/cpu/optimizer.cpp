#include "kernels/optimizer.h"

#include <cmath>
#include <vector>

#include "kernels/cpu/parallel.h"
#include "kernels/require.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/optimizer.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

void adamw_block(const AdamW& options, float correction1, float correction2, float gradient_scale, float* p,
                 const float* g, float* m, float* v, Index n) {
  const Floats d;
  const Vec scale = hn::Set(d, gradient_scale);
  const Vec beta1 = hn::Set(d, options.beta1), one_minus_beta1 = hn::Set(d, 1.0f - options.beta1);
  const Vec beta2 = hn::Set(d, options.beta2), one_minus_beta2 = hn::Set(d, 1.0f - options.beta2);
  const Vec unbias1 = hn::Set(d, 1.0f / correction1), unbias2 = hn::Set(d, 1.0f / correction2);
  const Vec rate = hn::Set(d, options.learning_rate), epsilon = hn::Set(d, options.epsilon);
  const Vec keep = hn::Set(d, 1.0f - options.learning_rate * options.weight_decay);
  for_each_vector(n, [&](Index i, Index count) {
    const Vec gradient = load_n(g + i, count) * scale;
    const Vec moment1 = beta1 * load_n(m + i, count) + one_minus_beta1 * gradient;
    const Vec moment2 = beta2 * load_n(v + i, count) + one_minus_beta2 * gradient * gradient;
    const Vec update = moment1 * unbias1 / (hn::Sqrt(moment2 * unbias2) + epsilon);
    store_n(moment1, m + i, count);
    store_n(moment2, v + i, count);
    store_n(load_n(p + i, count) * keep - rate * update, p + i, count);
  });
}

double squared_norm_block(const float* x, Index n) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> half;
  const Index step = static_cast<Index>(hn::Lanes(d));
  auto sum = hn::Zero(d);
  Index i = 0;
  for (; i + step <= n; i += step) {
    const auto value = hn::PromoteTo(d, hn::LoadU(half, x + i));
    sum = hn::MulAdd(value, value, sum);
  }
  double total = hn::GetLane(hn::SumOfLanes(d, sum));
  for (; i < n; ++i) total += static_cast<double>(x[i]) * x[i];
  return total;
}

void add_block(const float* x, float* y, Index n) {
  for_each_vector(n, [&](Index i, Index count) { store_n(load_n(y + i, count) + load_n(x + i, count), y + i, count); });
}

}  // namespace polonaise::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace polonaise::kernels {

HWY_EXPORT(adamw_block);
HWY_EXPORT(squared_norm_block);
HWY_EXPORT(add_block);

namespace {
constexpr Index kBlock = 16384;  // elements of a slab that one task takes

template <class Body>
void over_blocks(const Cpu& cpu, Index n, Body&& body) {
  parallel_for(cpu, ceil_div(n, kBlock), [&](Index block) {
    const Index begin = block * kBlock;
    body(begin, std::min(kBlock, n - begin));
  });
}
}  // namespace

void adamw_step(Cpu& cpu, const AdamW& options, long step, float gradient_scale, View<float, 1> parameters,
                View<const float, 1> gradients, View<float, 1> m, View<float, 1> v) {
  require(step >= 1, "step counts from one");
  require(gradients.size() == parameters.size() && m.size() == parameters.size() && v.size() == parameters.size(),
          "parameters, gradients and moments must have one length");
  const auto t = static_cast<double>(step);
  const auto correction1 = static_cast<float>(1.0 - std::pow(static_cast<double>(options.beta1), t));
  const auto correction2 = static_cast<float>(1.0 - std::pow(static_cast<double>(options.beta2), t));
  over_blocks(cpu, parameters.size(), [&](Index begin, Index count) {
    HWY_DYNAMIC_DISPATCH(adamw_block)
    (options, correction1, correction2, gradient_scale, parameters.data() + begin, gradients.data() + begin,
     m.data() + begin, v.data() + begin, count);
  });
}

double squared_norm(Cpu& cpu, View<const float, 1> x) {
  std::vector<double> sums(static_cast<std::size_t>(ceil_div(x.size(), kBlock)));
  over_blocks(cpu, x.size(), [&](Index begin, Index count) {
    sums[static_cast<std::size_t>(begin / kBlock)] = HWY_DYNAMIC_DISPATCH(squared_norm_block)(x.data() + begin, count);
  });
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

void sum_slabs(Cpu& cpu, std::span<const View<const float, 1>> shards, View<float, 1> sum, Accumulate accumulate) {
  for (const auto& shard : shards) require(shard.size() == sum.size(), "every slab must have the sum's length");
  over_blocks(cpu, sum.size(), [&](Index begin, Index count) {
    float* out = sum.data() + begin;
    if (accumulate == Accumulate::no) std::fill(out, out + count, 0.0f);
    for (const auto& shard : shards) HWY_DYNAMIC_DISPATCH(add_block)(shard.data() + begin, out, count);
  });
}

}  // namespace polonaise::kernels
#endif
