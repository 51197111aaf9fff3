#pragma once

#include "kernels/base/devices.h"
#include "kernels/base/view.h"
#include "kernels/optimizer/adamw.h"

namespace polonaise::kernels {

// Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"): a matrix moves along its
// momentum after all singular values of that were brought near to 1. The flat kernels of it; the products between them
// are matmul's (runtime/training/muon_steps.h). As in optimizer.h, what a pointer leads to is read when the kernel
// runs.

struct Muon {
  float momentum = 0.95f;
  float rate = 0.02f;  // the learning rate at its highest
  float weight_decay = 0.0f;
  float clip = 0.0f;  // as AdamW's, of the norm of all gradients
};

// The coefficients of Jordan et al.: p(x) = a x + b x^3 + c x^5 takes 0.01 to within 0.7 and 1.2 in five rounds.
struct NewtonSchulz {
  static constexpr int kRounds = 5;
  static constexpr float kA = 3.4445f, kB = -4.7750f, kC = 2.0315f;
  static constexpr float kEpsilon = 1e-7f;  // of the norm that a matrix is divided by
};

// Nesterov's momentum:
//   g = gradient_factor gradients;  m = momentum m + (1 - momentum) g;  x = momentum m + (1 - momentum) g
// All views [n], which do not overlap. Where *squared_norm is not finite nothing changes.
struct MuonMomentum {
  Muon options;
  const AdamWStep* step;
  const double* squared_norm;  // of all gradients
  View<const float, 1> gradients;
  View<float, 1> m, x;

  void check() const;
};
void muon_momentum(Cpu&, const MuonMomentum&);
void muon_momentum(Cuda&, const MuonMomentum&);

// x = x / (sqrt(*squared_norm) + epsilon), where *squared_norm is that of x [n]: no singular value is above 1.
void muon_normalize(Cpu&, const double* squared_norm, View<float, 1> x);
void muon_normalize(Cuda&, const double* squared_norm, View<float, 1> x);

// gram2 = a I + b gram + c gram2, where gram2 = gram gram: what a round of Newton and Schulz multiplies by. Both are
// [n,n], dense, and do not overlap.
void muon_polynomial(Cpu&, View<const float, 2> gram, View<float, 2> gram2);
void muon_polynomial(Cuda&, View<const float, 2> gram, View<float, 2> gram2);

//   lr = share rate;  p = p - lr weight_decay p - lr x
// Both views [n], which do not overlap. Where *squared_norm is not finite nothing changes.
struct MuonUpdate {
  Muon options;
  const AdamWStep* step;
  const double* squared_norm;  // of all gradients
  View<const float, 1> x;
  View<float, 1> parameters;

  void check() const;
};
void muon_step(Cpu&, const MuonUpdate&);
void muon_step(Cuda&, const MuonUpdate&);

}  // namespace polonaise::kernels
