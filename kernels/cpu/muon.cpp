#include "kernels/muon.h"

#include <cmath>

#include "kernels/cpu/parallel.h"
#include "kernels/require.h"

// Loops that the compiler turns into vectors: a matrix's elements are few beside the products around them.

namespace polonaise::kernels {
namespace {

constexpr Index kBlock = 16384;  // elements that one task takes

template <class Body>
void over_elements(const Cpu& cpu, Index n, Body&& body) {
  parallel_for(cpu, ceil_div(n, kBlock), [&](Index block) {
    for (Index i = block * kBlock, end = std::min(n, i + kBlock); i < end; ++i) body(i);
  });
}

}  // namespace

void muon_momentum(Cpu& cpu, const Muon& options, const AdamWStep* step, const double* squared_norm,
                   View<const float, 1> gradients, View<float, 1> m, View<float, 1> x) {
  require(m.size() == gradients.size() && x.size() == gradients.size(), "gradients and momentum must have one length");
  if (!std::isfinite(*squared_norm)) return;
  const float factor = gradient_factor(std::sqrt(*squared_norm), step->scale, options.clip), keep = options.momentum;
  const float* const g = gradients.data();
  float* const momentum = m.data();
  float* const out = x.data();
  over_elements(cpu, gradients.size(), [=](Index i) {
    const float part = (1.0f - keep) * factor * g[i];
    momentum[i] = keep * momentum[i] + part;
    out[i] = keep * momentum[i] + part;
  });
}

void muon_normalize(Cpu& cpu, const double* squared_norm, View<float, 1> x) {
  const float norm = static_cast<float>(std::sqrt(*squared_norm)) + NewtonSchulz::kEpsilon;
  over_elements(cpu, x.size(), [norm, out = x.data()](Index i) { out[i] /= norm; });
}

void muon_polynomial(Cpu& cpu, View<const float, 2> gram, View<float, 2> gram2) {
  const Index n = gram.extent(0);
  require(gram.extent(1) == n && gram2.extent(0) == n && gram2.extent(1) == n, "a Gram matrix is square");
  const float* const one = gram.data();
  float* const two = gram2.data();
  over_elements(cpu, n * n, [=](Index i) {
    two[i] = NewtonSchulz::kB * one[i] + NewtonSchulz::kC * two[i] + (i % (n + 1) == 0 ? NewtonSchulz::kA : 0.0f);
  });
}

void muon_step(Cpu& cpu, const Muon& options, const AdamWStep* step, const double* squared_norm, View<const float, 1> x,
               View<float, 1> parameters) {
  require(x.size() == parameters.size(), "parameters and their direction must have one length");
  if (!std::isfinite(*squared_norm)) return;
  const float rate = step->share * options.rate, keep = 1.0f - rate * options.weight_decay;
  over_elements(cpu, x.size(),
                [=, along = x.data(), p = parameters.data()](Index i) { p[i] = keep * p[i] - rate * along[i]; });
}

}  // namespace polonaise::kernels
