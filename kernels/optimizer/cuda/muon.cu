#include "kernels/optimizer/muon.h"

#include <cmath>

#include "kernels/base/require.h"
#include "kernels/cuda/host/context.h"
#include "kernels/cuda/host/launch.h"
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

__global__ void momentum_elements(MuonMomentum u) {
  const Muon& f = u.options;
  const double norm = sqrt(*u.squared_norm);
  const Index i = element();
  if (i >= u.gradients.size() || !(norm < INFINITY)) return;  // nor a NaN
  const float part = (1.0f - f.momentum) * gradient_factor(norm, u.step->scale, f.clip) * u.gradients.data()[i];
  const float momentum = f.momentum * u.m.data()[i] + part;
  u.m.data()[i] = momentum;
  u.x.data()[i] = f.momentum * momentum + part;
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

__global__ void step_elements(MuonUpdate u) {
  const Index i = element();
  if (i >= u.x.size() || !(*u.squared_norm < INFINITY)) return;  // nor a NaN
  const float rate = u.step->share * u.options.rate;
  float& p = u.parameters.data()[i];
  p = (1.0f - rate * u.options.weight_decay) * p - rate * u.x.data()[i];
}

}  // namespace

void muon_momentum(Cuda& cuda, const MuonMomentum& u) {
  u.check();
  launch(cuda, "muon_momentum", over_elements(u.gradients.size()), momentum_elements, u);
}

void muon_normalize(Cuda& cuda, const double* squared_norm, View<float, 1> x) {
  launch(cuda, "muon_normalize", over_elements(x.size()), normalize_elements, squared_norm, x.size(), x.data());
}

void muon_polynomial(Cuda& cuda, View<const float, 2> gram, View<float, 2> gram2) {
  const Index n = gram.extent(0);
  require(gram.extent(1) == n && gram2.extent(0) == n && gram2.extent(1) == n, "a Gram matrix is square");
  launch(cuda, "muon_polynomial", over_elements(n * n), polynomial_elements, n, gram.data(), gram2.data());
}

void muon_step(Cuda& cuda, const MuonUpdate& u) {
  u.check();
  launch(cuda, "muon_step", over_elements(u.x.size()), step_elements, u);
}

}  // namespace polonaise::kernels
