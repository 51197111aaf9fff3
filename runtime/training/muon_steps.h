#pragma once

#include "kernels/optimizer/muon.h"
#include "runtime/device/memory.h"
#include "runtime/training/parameters.h"

namespace polonaise {

// Steps of Muon (kernels/optimizer/muon.h) for a model's matrices, one after another, and the room that they share.
// A matrix [rows,columns] moves by rate sqrt(max(1, rows / columns)) along its momentum made orthogonal, and decays by
// the rate alone: the "original" adjustment of torch.optim.Muon.
class MuonSteps {
 public:
  // Room for any matrix of these parameters that moves by Muon.
  explicit MuonSteps(const Parameters&);

  static bool moves(const Parameters::Entry& entry) { return entry.kind == Parameters::Kind::hidden; }

  // Queues the step of a matrix, as it stands in the slabs of gradients, momentum and parameters. `options.rate` is the
  // one before the adjustment.
  void step(const Parameters::Entry& entry, kernels::Muon options, const kernels::AdamWStep* numbers,
            const double* squared_norm, View<const float, 1> gradients, View<float, 1> momentum,
            View<float, 1> parameters);
  // Queues U V^T, nearly, of x = U S V^T [rows,columns], dense, which becomes anything: singular values come to lie
  // within 0.7 and 1.2, but those below a hundredth of the root of the squares of all, which stay smaller. A matrix of
  // zeros stays one. What comes back stands until the next call.
  View<const float, 1> orthogonalized(View<float, 2> x);

  std::size_t memory() const { return direction_.bytes() + next_.bytes() + gram_.bytes() + gram2_.bytes(); }

 private:
  AnyDevice& device_;
  Buffer direction_, next_;  // of a matrix
  Buffer gram_, gram2_;      // of a matrix's shorter side, squared
  Buffer norm_;              // a double
};

}  // namespace polonaise
