#include "kernels/optimizer/adamw.h"

#include <algorithm>
#include <cmath>

#include "kernels/base/require.h"
#include "kernels/cuda/host/context.h"
#include "kernels/cuda/host/launch.h"
#include "kernels/simt/simt.h"

namespace polonaise::kernels {
namespace {

constexpr int kThreads = 256;
constexpr Index kBlocksPerMultiprocessor = 8;  // of 256 threads: all that a multiprocessor holds at once

// A thread takes the elements at its own number and every grid's width after it: neighbours read neighbours.
__device__ Index first_element() {
  return static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
}
__device__ Index grid_width() {
  return static_cast<Index>(gridDim.x) * kThreads;
}

// Enough blocks for `n` elements, and no more than the card runs at once.
Launch over_elements(const Cuda& cuda, Index n) {
  const Index resident = kBlocksPerMultiprocessor * cuda.properties().multiprocessors;
  return {.grid = {std::min(ceil_div(n, Index{kThreads}), resident)}, .block = {kThreads}};
}

__global__ void adamw_elements(AdamWUpdate u) {
  const AdamW& f = u.options;
  const AdamWStep step = *u.step;
  const double norm = sqrt(*u.squared_norm);
  if (!(norm < INFINITY)) return;  // nor a NaN
  float *const p = u.parameters.data(), *const m = u.m.data(), *const v = u.v.data();
  const float* const g = u.gradients.data();
  const Index n = u.parameters.size();
  const float factor = gradient_factor(norm, step.scale, f.clip), keep = 1.0f - step.learning_rate * f.weight_decay;
  for (Index i = first_element(); i < n; i += grid_width()) {
    const float gradient = factor * g[i];
    const float moment1 = f.beta1 * m[i] + (1.0f - f.beta1) * gradient;
    const float moment2 = f.beta2 * v[i] + (1.0f - f.beta2) * gradient * gradient;
    m[i] = moment1;
    v[i] = moment2;
    p[i] = keep * p[i] - step.learning_rate * (moment1 * step.unbias1) / (sqrtf(moment2 * step.unbias2) + f.epsilon);
  }
}

__global__ void average_elements(AverageUpdate u) {
  const float share = u.step->average;
  if (!(*u.squared_norm < INFINITY)) return;  // nor a NaN
  float* const average = u.average.data();
  for (Index i = first_element(); i < u.average.size(); i += grid_width())
    average[i] += share * (u.parameters.data()[i] - average[i]);
}

// The sum of the block's values for thread 0, which alone may read it; halves are added pairwise, always the same ones.
__device__ double block_sum(double value) {
  SHARED(double, sums, [kThreads]);
  sums[threadIdx.x] = value;
  for (unsigned half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
  }
  return threadIdx.x == 0 ? sums[0] : 0.0;
}

constexpr Index kMostPartials = 1024;

// Each block leaves one partial sum. The grid is fixed by the length alone, and with it the order of addition.
__global__ void square_partials(Index n, const float* x, double* partials) {
  double sum = 0;
  for (Index i = first_element(); i < n; i += grid_width()) sum += static_cast<double>(x[i]) * x[i];
  const double total = block_sum(sum);
  if (threadIdx.x == 0) partials[blockIdx.x] = total;
}

// One block.
template <class T>
__global__ void add_up(Index n, const T* x, double* sum, bool accumulate) {
  double of_thread = 0;
  for (Index i = threadIdx.x; i < n; i += kThreads) of_thread += static_cast<double>(x[i]);
  const double total = block_sum(of_thread);
  if (threadIdx.x == 0) *sum = accumulate ? *sum + total : total;
}

// Slabs travel in the kernel's parameters; more than these take several launches.
constexpr std::size_t kSlabsAtOnce = 16;
struct Slabs {
  const float* data[kSlabsAtOnce];
  int count;
};

__global__ void add_slabs(Slabs slabs, bool accumulate, Index n, float* sum) {
  for (Index i = first_element(); i < n; i += grid_width()) {
    float total = accumulate ? sum[i] : 0.0f;
    for (int s = 0; s < slabs.count; ++s) total += slabs.data[s][i];
    sum[i] = total;
  }
}

}  // namespace

void adamw_step(Cuda& cuda, const AdamWUpdate& u) {
  u.check();
  launch(cuda, "adamw_step", over_elements(cuda, u.parameters.size()), adamw_elements, u);
}

void average_step(Cuda& cuda, const AverageUpdate& u) {
  u.check();
  launch(cuda, "average_step", over_elements(cuda, u.parameters.size()), average_elements, u);
}

void squared_norm(Cuda& cuda, View<const float, 1> x, double* sum) {
  auto* partials = static_cast<double*>(cuda.scratch());
  const Index blocks = std::clamp(ceil_div(x.size(), Index{4 * kThreads}), Index{1}, kMostPartials);
  launch(cuda, "squared_norm", {.grid = {blocks}, .block = {kThreads}}, square_partials, x.size(), x.data(), partials);
  launch(cuda, "squared_norm", {.grid = {1}, .block = {kThreads}}, add_up<double>, blocks, partials, sum, false);
}

void sum_elements(Cuda& cuda, View<const float, 1> x, double* sum, Accumulate accumulate) {
  launch(cuda, "sum_elements", {.grid = {1}, .block = {kThreads}}, add_up<float>, x.size(), x.data(), sum,
         accumulate == Accumulate::yes);
}

void sum_slabs(Cuda& cuda, std::span<const View<const float, 1>> shards, View<float, 1> sum, Accumulate accumulate) {
  const Index n = sum.size();
  for (const auto& shard : shards) require(shard.size() == n, "every slab must have the sum's length");
  bool add = accumulate == Accumulate::yes;
  do {
    Slabs slabs{};
    for (const auto& shard : shards.first(std::min(kSlabsAtOnce, shards.size())))
      slabs.data[slabs.count++] = shard.data();
    shards = shards.subspan(static_cast<std::size_t>(slabs.count));
    launch(cuda, "sum_slabs", over_elements(cuda, n), add_slabs, slabs, add, n, sum.data());
    add = true;
  } while (!shards.empty());
}

}  // namespace polonaise::kernels
