#include "kernels/muon.h"

#include <algorithm>
#include <cmath>

#include "kernels/cuda/device.h"
#include "kernels/cuda/launch.h"
#include "kernels/require.h"
#include "kernels/simt/simt.h"

namespace polonaise::kernels {
namespace {

constexpr int kThreads = 256;

// A thread takes one element; there is none where it stands behind the last.
__device__ Index element() {
  return static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
}

Launch over_elements(Index n) {
  return {.grid = {ceil_div(n, Index{kThreads})}, .block = {kThreads}};
}

__global__ void momentum_elements(Muon f, const AdamWStep* of_step, const double* squared_norm, Index n, const float* g,
                                  float* m, float* x) {
  const double norm = sqrt(*squared_norm);
  const Index i = element();
  if (i >= n || !(norm < INFINITY)) return;  // nor a NaN
  const float part = (1.0f - f.momentum) * gradient_factor(norm, of_step->scale, f.clip) * g[i];
  const float momentum = f.momentum * m[i] + part;
  m[i] = momentum;
  x[i] = f.momentum * momentum + part;
}

__global__ void normalize_elements(const double* squared_norm, Index n, float* x) {
  const Index i = element();
  if (i < n) x[i] /= static_cast<float>(sqrt(*squared_norm)) + NewtonSchulz::kEpsilon;
}

__global__ void polynomial_elements(Index n, const float* gram, float* gram2) {
  const Index i = element();
  if (i >= n * n) return;
  const float unit = i % (n + 1) == 0 ? NewtonSchulz::kA : 0.0f;
  gram2[i] = NewtonSchulz::kB * gram[i] + NewtonSchulz::kC * gram2[i] + unit;
}

__global__ void step_elements(Muon f, const AdamWStep* of_step, const double* squared_norm, Index n, const float* x,
                              float* p) {
  const Index i = element();
  if (i >= n || !(*squared_norm < INFINITY)) return;  // nor a NaN
  const float rate = of_step->share * f.rate;
  p[i] = (1.0f - rate * f.weight_decay) * p[i] - rate * x[i];
}

}  // namespace

void muon_momentum(Cuda& cuda, const Muon& options, const AdamWStep* step, const double* squared_norm,
                   View<const float, 1> gradients, View<float, 1> m, View<float, 1> x) {
  const Index n = gradients.size();
  require(m.size() == n && x.size() == n, "gradients and momentum must have one length");
  launch(cuda, "muon_momentum", over_elements(n), momentum_elements, options, step, squared_norm, n, gradients.data(),
         m.data(), x.data());
}

void muon_normalize(Cuda& cuda, const double* squared_norm, View<float, 1> x) {
  launch(cuda, "muon_normalize", over_elements(x.size()), normalize_elements, squared_norm, x.size(), x.data());
}

void muon_polynomial(Cuda& cuda, View<const float, 2> gram, View<float, 2> gram2) {
  const Index n = gram.extent(0);
  require(gram.extent(1) == n && gram2.extent(0) == n && gram2.extent(1) == n, "a Gram matrix is square");
  launch(cuda, "muon_polynomial", over_elements(n * n), polynomial_elements, n, gram.data(), gram2.data());
}

void muon_step(Cuda& cuda, const Muon& options, const AdamWStep* step, const double* squared_norm,
               View<const float, 1> x, View<float, 1> parameters) {
  const Index n = x.size();
  require(parameters.size() == n, "parameters and their direction must have one length");
  launch(cuda, "muon_step", over_elements(n), step_elements, options, step, squared_norm, n, x.data(),
         parameters.data());
}

}  // namespace polonaise::kernels
