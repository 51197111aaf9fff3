#include "kernels/optimizer/muon.h"

#include "kernels/base/require.h"

namespace polonaise::kernels {

void MuonMomentum::check() const {
  require(m.size() == gradients.size() && x.size() == gradients.size(), "gradients and momentum must have one length");
}

void MuonUpdate::check() const {
  require(x.size() == parameters.size(), "parameters and their direction must have one length");
}

}  // namespace polonaise::kernels
