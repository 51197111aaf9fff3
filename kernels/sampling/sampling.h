#pragma once

#include <cstdint>

#include "kernels/base/devices.h"
#include "kernels/base/random.h"
#include "kernels/base/view.h"

namespace polonaise::kernels {

// Drawing the next event from logits. The random numbers are the same on every device, and so are the draws, but for
// numbers as close to an edge between two of them as exp is exact.

struct SamplingOptions {
  float temperature = 1.0f;  // > 0: logits are divided by it; 0: the most likely value is taken
  int top_k = 0;             // keep the k most likely values; 0: all
  float top_p = 1.0f;        // keep the smallest set of most likely values whose probability reaches p (nucleus)
  int max_keys = 0;          // of more keys than that the most likely stay; 0: any number. Tokens ignore it

  bool operator==(const SamplingOptions&) const = default;
  void check() const;
};

// Draws one token a row: temperature, then top-k, then top-p, renormalised, then a draw by inverse transform over
// ascending token with the uniform number at `position` of row first_row + r. Ties at a cut go to the lower token.
// Top-p keeps the token that crosses p (Holtzman et al. 2020).
struct SampleTokens {
  View<const float, 2> logits;               // [R,V]
  View<const std::uint8_t, 2> allowed = {};  // [R,V] of 0 and 1: 0 forbids a token; empty: all are allowed
  SamplingOptions options = {};
  RandomStream stream;
  Index first_row = 0;
  std::uint32_t position = 0;
  View<std::int32_t, 1> tokens;  // [R]: -1 for a row that allows none

  void check() const;
};
void sample_tokens(Cpu&, const SampleTokens&);
void sample_tokens(Cuda&, const SampleTokens&);

// Independent keys: key k sounds with probability sigmoid(logit / temperature) (temperature 0: where the logit > 0).
// top_k keeps the k most likely keys of a row and silences the others; top_p keeps the most likely keys whose expected
// number reaches p of the row's whole expected number. Key k uses position `position * K + k`. Where more than max_keys
// sound then, the most likely of them do, of equals the lower.
struct SampleKeys {
  View<const float, 2> logits;               // [R,K]
  View<const std::uint8_t, 2> allowed = {};  // [R,K] of 0 and 1: 0 forbids a key; empty: all are allowed
  SamplingOptions options = {};
  RandomStream stream;
  Index first_row = 0;
  std::uint32_t position = 0;
  View<std::uint8_t, 2> keys;  // [R,K] of 0 and 1

  void check() const;
};
void sample_keys(Cpu&, const SampleKeys&);
void sample_keys(Cuda&, const SampleKeys&);

}  // namespace polonaise::kernels
