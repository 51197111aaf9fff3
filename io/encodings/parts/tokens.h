#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "io/encodings/encoding.h"

namespace polonaise::io {

// What the encodings into tokens share: velocities in 32 ranges, and the optional tokens of a vocabulary.

inline constexpr int kVelocities = 32;
inline constexpr int kVelocityRange = 4;  // 1..4, 5..8, ..., 125..127
inline constexpr int kFirstVelocity = 64;

inline int velocity_bin(int velocity) {
  return (std::clamp(velocity, 1, 127) - 1) / kVelocityRange;
}
// The middle of its range.
inline std::uint8_t bin_velocity(int bin) {
  return static_cast<std::uint8_t>(std::min(1 + bin * kVelocityRange + kVelocityRange / 2, 127));
}

inline EventShape token_spec(int vocabulary) {
  return {.kind = EventKind::tokens, .vocabulary = vocabulary};
}

// Tokens [first, first + count).
struct TokenRange {
  int first = 0;
  int count = 0;
  bool contains(int token) const { return token >= first && token < first + count; }
  explicit operator bool() const { return count > 0; }
};

// The tokens of EncodingOptions::tokens, in a fixed order behind an encoding's own.
struct AddedTokens {
  TokenRange pedal;         // down, up
  TokenRange tempo;         // io/encodings/parts/controls.h
  TokenRange articulation;  // io/encodings/parts/articulation.h
  int vocabulary = 0;       // with the encoding's own

  // Error for a name that is none of added_token_names().
  AddedTokens(int own, const EncodingOptions& options);

  // Adds them to the table of an encoding, its "tokens" and, where there are any, their names as "added".
  void describe(nlohmann::ordered_json& table) const;
};

}  // namespace polonaise::io
