#pragma once

#include <cstdint>

#include "kernels/base/devices.h"
#include "kernels/base/random.h"
#include "kernels/base/sparse.h"
#include "kernels/base/view.h"

namespace polonaise::kernels {

// The keys of a frame one after another, each given those below it: the neural autoregressive distribution estimator
// (Larochelle & Murray 2011), conditioned on a state as in the RNN-NADE of Boulanger-Lewandowski et al. 2012; its
// hidden units are rectified, which learn faster than the papers' sigmoids. x[r,k] is 1 where key k of row r sounds.
//   h[r,k,:] = max(0, hidden[r,:] + sum_{j<k} x[r,j] key_in[j,:])
//   z[r,k] = bias[r,k] + sum_i h[r,k,i] key_out[k,i],   P(x[r,k] = 1 | x[r,<k]) = sigmoid(z[r,k])
// h changes only where a key sounds, so that a row has one more hidden vector than sounding keys.
//
// All is float on every device. Views may be blocks of columns, so that heads share one matrix. Sums are added in an
// order that shapes and the keys themselves fix.
struct Nade {
  View<const float, 2> hidden;   // [R,H]
  View<const float, 2> bias;     // [R,K]
  View<const float, 2> key_in;   // [K,H]
  View<const float, 2> key_out;  // [K,H]

  void check() const;
};

// The gradients of backward, all of them or none: hidden and bias are written, key_in and key_out added to.
struct NadeGradients {
  View<float, 2> hidden, bias, key_in, key_out;
};

// The loss of each row in nats and, in the same pass, its gradient (as kernels/loss/loss.h).
//   losses[r] = -sum_k log P(x[r,k] | x[r,<k])
// No view overlaps another.
//
// The Cpu refuses keys that are outside the row or do not ascend. Cuda, which does not wait to look at them, makes the
// row's loss and gradient NaN.
struct NadeLoss {
  Nade nade;
  SparseRows targets;  // [R,K] without values, ascending; for a Cpu without columns behind its last offset
  View<const std::int32_t, 1> mask = {};  // [R]: rows with mask[r] = 0 count nothing; empty: all count
  View<float, 1> losses;                  // [R]
  NadeGradients gradients = {};
  View<float, 2> scratch = {};  // [R + 2 entries, H] with gradients, otherwise empty

  void check() const;
};
void nade_loss(Cpu&, const NadeLoss&);
void nade_loss(Cuda&, const NadeLoss&);

struct NadeOptions {
  float temperature = 1.0f;  // > 0: z is divided by it; 0: a key sounds where z > 0
  int max_keys = 0;          // silence above so many; 0: any number
};

// Draws the keys of each row from the lowest to the highest: key k sounds where the uniform number at position
// `position * K + k` of row first_row + r (as sample_keys has it) is below its probability given the keys drawn before.
// A key that is not allowed is silent, and those above it are drawn given that.
struct NadeSample {
  Nade nade;
  View<const std::uint8_t, 2> allowed = {};  // [R,K] of 0 and 1; empty: all are
  NadeOptions options = {};
  RandomStream stream;
  Index first_row = 0;
  std::uint32_t position = 0;
  View<std::uint8_t, 2> keys;  // [R,K] of 0 and 1

  void check() const;
};
void nade_sample(Cpu&, const NadeSample&);
void nade_sample(Cuda&, const NadeSample&);

}  // namespace polonaise::kernels
