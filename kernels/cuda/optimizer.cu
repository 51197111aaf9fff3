#include "kernels/optimizer.h"

#include <algorithm>
#include <cmath>

#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/memory.h"
#include "kernels/require.h"
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

// AdamW with what depends on the step alone worked out, on the host in double.
struct AdamWFactors {
  float scale, beta1, beta2, unbias1, unbias2, rate, epsilon, keep;
};

AdamWFactors factors(const AdamW& options, long step, float gradient_scale) {
  const auto unbias = [&](double beta) { return 1.0 / (1.0 - std::pow(beta, static_cast<double>(step))); };
  return {.scale = gradient_scale,
          .beta1 = options.beta1,
          .beta2 = options.beta2,
          .unbias1 = static_cast<float>(unbias(options.beta1)),
          .unbias2 = static_cast<float>(unbias(options.beta2)),
          .rate = options.learning_rate,
          .epsilon = options.epsilon,
          .keep = 1.0f - options.learning_rate * options.weight_decay};
}

__global__ void adamw_elements(AdamWFactors f, Index n, float* p, const float* g, float* m, float* v) {
  for (Index i = first_element(); i < n; i += grid_width()) {
    const float gradient = f.scale * g[i];
    const float moment1 = f.beta1 * m[i] + (1.0f - f.beta1) * gradient;
    const float moment2 = f.beta2 * v[i] + (1.0f - f.beta2) * gradient * gradient;
    m[i] = moment1;
    v[i] = moment2;
    p[i] = f.keep * p[i] - f.rate * (moment1 * f.unbias1) / (sqrtf(moment2 * f.unbias2) + f.epsilon);
  }
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

// One block; the total takes the first partial's place, which only thread 0 has read.
__global__ void add_partials(int count, double* partials) {
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) sum += partials[i];
  const double total = block_sum(sum);
  if (threadIdx.x == 0) partials[0] = total;
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

void adamw_step(Cuda& cuda, const AdamW& options, long step, float gradient_scale, View<float, 1> parameters,
                View<const float, 1> gradients, View<float, 1> m, View<float, 1> v) {
  const Index n = parameters.size();
  require(step >= 1, "step counts from one");
  require(gradients.size() == n && m.size() == n && v.size() == n,
          "parameters, gradients and moments must have one length");
  launch(cuda, "adamw_step", over_elements(cuda, n), adamw_elements, factors(options, step, gradient_scale), n,
         parameters.data(), gradients.data(), m.data(), v.data());
}

double squared_norm(Cuda& cuda, View<const float, 1> x) {
  auto* partials = static_cast<double*>(cuda.scratch());
  const Index blocks = std::clamp(ceil_div(x.size(), Index{4 * kThreads}), Index{1}, kMostPartials);
  launch(cuda, "squared_norm", {.grid = {blocks}, .block = {kThreads}}, square_partials, x.size(), x.data(), partials);
  launch(cuda, "squared_norm", {.grid = {1}, .block = {kThreads}}, add_partials, static_cast<int>(blocks), partials);
  double total = 0;
  copy_to_host(cuda, &total, partials, sizeof total);
  return total;
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
