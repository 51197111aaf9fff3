#include "kernels/optimizer/adamw.h"

#include "kernels/base/require.h"

namespace polonaise::kernels {

void AdamWUpdate::check() const {
  const Index n = parameters.size();
  require(gradients.size() == n && m.size() == n && v.size() == n,
          "parameters, gradients and moments must have one length");
}

void AverageUpdate::check() const {
  require(average.size() == parameters.size(), "parameters and their average must have one length");
}

}  // namespace polonaise::kernels
