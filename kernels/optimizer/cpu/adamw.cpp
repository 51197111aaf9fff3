#include "kernels/optimizer/adamw.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/base/require.h"
#include "kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optimizer/cpu/adamw.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace polonaise::kernels::HWY_NAMESPACE {

void adamw_block(const AdamW& options, const AdamWStep& step, float factor, float* p, const float* g, float* m,
                 float* v, Index n) {
  const Floats d;
  const Vec scale = hn::Set(d, factor);
  const Vec beta1 = hn::Set(d, options.beta1), one_minus_beta1 = hn::Set(d, 1.0f - options.beta1);
  const Vec beta2 = hn::Set(d, options.beta2), one_minus_beta2 = hn::Set(d, 1.0f - options.beta2);
  const Vec unbias1 = hn::Set(d, step.unbias1), unbias2 = hn::Set(d, step.unbias2);
  const Vec rate = hn::Set(d, step.learning_rate), epsilon = hn::Set(d, options.epsilon);
  const Vec keep = hn::Set(d, 1.0f - step.learning_rate * options.weight_decay);
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

void average_block(float share, const float* p, float* average, Index n) {
  const Vec weight = hn::Set(Floats(), share);
  for_each_vector(n, [&](Index i, Index count) {
    const Vec before = load_n(average + i, count);
    store_n(before + weight * (load_n(p + i, count) - before), average + i, count);
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
HWY_EXPORT(average_block);
HWY_EXPORT(squared_norm_block);
HWY_EXPORT(add_block);

void adamw_step(Cpu& cpu, const AdamWUpdate& u) {
  u.check();
  if (!std::isfinite(*u.squared_norm)) return;
  const float factor = gradient_factor(std::sqrt(*u.squared_norm), u.step->scale, u.options.clip);
  parallel_blocks(cpu, u.parameters.size(), kTaskElements, [&](Index begin, Index count) {
    HWY_DYNAMIC_DISPATCH(adamw_block)
    (u.options, *u.step, factor, u.parameters.data() + begin, u.gradients.data() + begin, u.m.data() + begin,
     u.v.data() + begin, count);
  });
}

void average_step(Cpu& cpu, const AverageUpdate& u) {
  u.check();
  if (!std::isfinite(*u.squared_norm)) return;
  parallel_blocks(cpu, u.parameters.size(), kTaskElements, [&](Index begin, Index count) {
    HWY_DYNAMIC_DISPATCH(average_block)
    (u.step->average, u.parameters.data() + begin, u.average.data() + begin, count);
  });
}

void squared_norm(Cpu& cpu, View<const float, 1> x, double* sum) {
  std::vector<double> sums(static_cast<std::size_t>(ceil_div(x.size(), kTaskElements)));
  parallel_blocks(cpu, x.size(), kTaskElements, [&](Index begin, Index count) {
    sums[static_cast<std::size_t>(begin / kTaskElements)] =
        HWY_DYNAMIC_DISPATCH(squared_norm_block)(x.data() + begin, count);
  });
  *sum = 0;
  for (const double of_block : sums) *sum += of_block;
}

void sum_elements(Cpu&, View<const float, 1> x, double* sum, Accumulate accumulate) {
  double total = 0;
  for (Index i = 0; i < x.size(); ++i) total += static_cast<double>(x.data()[i]);
  *sum = accumulate == Accumulate::yes ? *sum + total : total;
}

void sum_slabs(Cpu& cpu, std::span<const View<const float, 1>> shards, View<float, 1> sum, Accumulate accumulate) {
  for (const auto& shard : shards) require(shard.size() == sum.size(), "every slab must have the sum's length");
  parallel_blocks(cpu, sum.size(), kTaskElements, [&](Index begin, Index count) {
    float* out = sum.data() + begin;
    if (accumulate == Accumulate::no) std::fill(out, out + count, 0.0f);
    for (const auto& shard : shards) HWY_DYNAMIC_DISPATCH(add_block)(shard.data() + begin, out, count);
  });
}

}  // namespace polonaise::kernels
#endif
