#include "kernels/optimizer/muon.h"

#include <cmath>

#include "kernels/base/require.h"
#include "kernels/cpu/parallel.h"

// Loops that the compiler turns into vectors: a matrix's elements are few beside the products around them.

namespace polonaise::kernels {
namespace {

template <class Body>
void over_elements(const Cpu& cpu, Index n, Body&& body) {
  parallel_blocks(cpu, n, kTaskElements, [&](Index begin, Index count) {
    for (Index i = begin; i < begin + count; ++i) body(i);
  });
}

}  // namespace

void muon_momentum(Cpu& cpu, const MuonMomentum& u) {
  u.check();
  if (!std::isfinite(*u.squared_norm)) return;
  const float factor = gradient_factor(std::sqrt(*u.squared_norm), u.step->scale, u.options.clip);
  const float keep = u.options.momentum;
  over_elements(cpu, u.gradients.size(), [=, g = u.gradients.data(), momentum = u.m.data(), out = u.x.data()](Index i) {
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

void muon_step(Cpu& cpu, const MuonUpdate& u) {
  u.check();
  if (!std::isfinite(*u.squared_norm)) return;
  const float rate = u.step->share * u.options.rate, keep = 1.0f - rate * u.options.weight_decay;
  over_elements(cpu, u.x.size(),
                [=, along = u.x.data(), p = u.parameters.data()](Index i) { p[i] = keep * p[i] - rate * along[i]; });
}

}  // namespace polonaise::kernels
